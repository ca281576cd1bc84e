// The forms in which an operation meets a feature or a gradient (kernels/feature.h), built on a workspace.
#pragma once
#include "tests/cases/case.h"

namespace mcnn::cases {

/// How a feature is read: z = act(scale*raw + shift)*gate.
struct Reading {
  bool norm = true;
  Activation act = Activation::swish;
  bool gate = false;
  Values raw = normal();
};
inline const Reading kImage = {.norm = false, .act = Activation::identity};  // also the sum at the end of a block with a skip
inline const Reading kLinear = {.act = Activation::identity};
inline const Reading kSwish = {};
inline const Reading kRelu6 = {.act = Activation::relu6};
inline const Reading kRelu = {.act = Activation::relu};
inline const Reading kHardSwish = {.act = Activation::hard_swish};
inline const Reading kGated = {.gate = true};
inline const Reading kGatedRelu6 = {.act = Activation::relu6, .gate = true};
inline const Reading kGatedRelu = {.act = Activation::relu, .gate = true};
inline const Reading kGatedHardSwish = {.act = Activation::hard_swish, .gate = true};
inline const Reading kGatedLinear = {.act = Activation::identity, .gate = true};
inline const Reading kGatedNoNorm = {.norm = false, .gate = true};
/// Where exp overflows fp32, and where act' is 0 or 1 to the last bit.
inline const Reading kSaturated = {.norm = false, .raw = cycle({-200, -90, -88, -30, -1, 0, 1, 17, 30, 88, 90, 200})};
/// On the kinks of relu, relu6 and hard_swish, next to them, and beyond.
inline Reading kinks(Activation act) {
  return {.norm = false,
          .act = act,
          .raw = cycle({-200, -3.00001, -3, -2.99999, -1, -0.0, 0, 1e-6, 2.99999, 3, 3.00001, 5.99999, 6, 6.00001, 7, 200})};
}

Norm norm(Workspace& s, int64_t channels);
Feature feature(Workspace& s, const Shape& shape, const Reading& reading);

/// How dy is formed from what its reader left.
enum class Form {
  from_u,            // dy = scale*(du - ...), du = stored
  frozen,            // dy = scale*du
  no_norm,           // dy = du
  drop_path,         // du = stored*sample_scale
  drop_path_frozen,  //
  branch,            // du = stored*sample_scale*act'(u): the branch of a skip has an activation
  branch_frozen,     //
  gated,             // du = (stored*gate + pooled)*act'(u)
  gated_frozen,      //
  gated_no_norm,     //
  pooled,            // du = pooled*act'(u): global pooling, nothing stored
  pooled_frozen,     //
};

/// dy of a feature of its own.
OutputGradient gradient(Workspace& s, const Shape& shape, Form form, Activation act = Activation::swish);

/// Everything that feature x's backward wants.
InputGradient input_gradient(Workspace& s, const Feature& x, bool add);

Moments moments(Workspace& s, int64_t channels);

}  // namespace mcnn::cases
