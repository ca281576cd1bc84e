// Structs that state how a feature map or a gradient is stored, and how a kernel that reads it transforms it.
// A feature map is stored raw, as its convolution wrote it. Its readers apply batch norm, activation and gate.
// A gradient is stored in the form that its writer can compute. Its readers compute dy from it.
// Next: ops.h is the interface of the backends; each backend implements these formulas (ref/feature.h is the simplest).
//
// Symbols, for one feature map of shape (N,H,W,C); M = N*H*W:
//   xhat = (raw - mean[c]) * invstd[c]               normalised
//   u    = scale[c] * raw + shift[c]                 = gamma*xhat + beta
//   a    = act(u)
//   z    = a * gate[n,c]                             what a reader computes with
//   dz, da, du, dy                                   gradients of the loss with respect to z, a, u, raw
#pragma once
#include <cmath>

#include "runtime/tensor.h"

namespace mcnn {

enum class Activation : uint8_t { identity, swish, relu6, relu, hard_swish };

/// act(u) and act'(u) in the type of u.
///   swish: u*sigmoid(u);  s*(1 + u*(1-s)), s = sigmoid(u).   Ramachandran et al. 2017, arXiv 1710.05941.
///   relu6: min(max(u,0),6);  1 inside (0,6), 0 elsewhere.
///   relu: max(u,0);  1 above 0, 0 elsewhere.
///   hard_swish: u*min(max(u+3,0),6)/6;  (2u+3)/6 inside (-3,3), 0 below, 1 above.   Howard et al. 2019, arXiv 1905.02244.
/// At a kink the slope is PyTorch's: 0 next to a flat side; 1 at u = 3 of hard_swish.
template <class T>
inline T activate(Activation act, T u) {
  switch (act) {
    case Activation::identity: return u;
    case Activation::swish: return u / (T(1) + std::exp(-u));
    case Activation::relu6: return u > T(0) ? (u < T(6) ? u : T(6)) : (u <= T(0) ? T(0) : u);  // NaN stays NaN
    case Activation::relu: return u <= T(0) ? T(0) : u;
    case Activation::hard_swish: return u > T(-3) ? (u < T(3) ? u * (u + T(3)) / T(6) : u) : (u <= T(-3) ? T(0) : u);
  }
  return u;
}
template <class T>
inline T activation_slope(Activation act, T u) {
  switch (act) {
    case Activation::identity: return T(1);
    case Activation::swish: {
      const T s = T(1) / (T(1) + std::exp(-u));
      return s * (T(1) + u * (T(1) - s));
    }
    case Activation::relu6: return u > T(0) && u < T(6) ? T(1) : T(0);
    case Activation::relu: return u > T(0) ? T(1) : T(0);
    case Activation::hard_swish: return u > T(-3) ? (u < T(3) ? (T(2) * u + T(3)) / T(6) : T(1)) : T(0);
  }
  return T(1);
}

/// The result of a batch norm, as readers of its feature map use it, all (C) fp32.
struct Norm {
  Tensor mean, invstd;  ///< of the batch; if frozen, of the running statistics (invstd = 1/sqrt(var+eps))
  Tensor scale, shift;  ///< gamma*invstd and beta - mean*gamma*invstd
  bool defined() const { return mean.defined(); }
};

/// Computes a batch norm from moments over `count` values per channel (biased var = m2/count), all (C) fp32:
///   mean, invstd = 1/sqrt(var+eps), scale = gamma*invstd, shift = beta - mean*scale
///   running = (1-momentum)*running + momentum*new, with the new variance m2/(count-1)
/// Source: Ioffe & Szegedy 2015; conventions PyTorch's.
struct NormUpdate {
  Tensor gamma, beta;
  float eps = 1e-3f;
  float momentum = 0.1f;
  Tensor running_mean, running_var;  ///< absent: not updated
  Norm norm;                         ///< written
  bool requested() const { return norm.mean.defined(); }
};

/// A feature map with its transform: z = act(scale*raw + shift) * gate. An absent part is left out of the formula.
/// Taps outside the image contribute z = 0, never act(shift).
struct Feature {
  Tensor raw;  ///< (N,H,W,C) storage type
  Norm norm;   ///< absent: u = raw (an image, the sum at the end of a block with a skip)
  Activation act = Activation::identity;
  Tensor gate;  ///< (N,C) fp32, squeeze-excite's; absent: 1
};

/// dy, the gradient with respect to a convolution's raw output. A kernel that reads it computes it from these parts; an absent part is
/// left out of the formula:
///   du = (stored*factor + pooled[n,c]) * act'(u)       factor: gate[n,c] or sample_scale[n];  act' if through_act
/// The operation that read the output determines the parts:
///   a convolution (stored contains act')          stored
///   the sum behind a skip                         stored*sample_scale, and act' if the branch has an activation
///   a gate                                        (stored*gate + pooled)*act'
///   global pooling                                pooled*act'
///   dy = scale[c]*(du - sum_du[c]/M - xhat*sum_du_xhat[c]/M)       batch statistics (Ioffe & Szegedy 2015, section 3)
///      = scale[c]*du                                               frozen statistics
///      = du                                                        no norm
struct OutputGradient {
  Feature of;                  ///< the convolution's output: raw, norm, act and gate are read from here
  Tensor stored;               ///< (N,H,W,C) storage type
  Tensor sample_scale;         ///< (N) fp32: 0 or 1/keep; absent: 1
  Tensor pooled;               ///< (N,C) fp32: p, the gradient of the spatial mean divided by H*W; present exactly
                               ///< if the output was read through a gate or a pooling
  Tensor sum_du, sum_du_xhat;  ///< (C) fp32, over N,H,W: also the gradients of beta and gamma
  bool frozen = false;         ///< running statistics: dy does not use the two sums
  bool through_act = false;    ///< the kernel that reads dy multiplies by act'. Always true with pooled
};

/// The tensors that a data gradient writes for its feature x, with dz = dL/dz(x) + add:
///   without a gate  stored = du = dz*act'(u);  sum_du, sum_du_xhat over N,H,W if x has a norm
///   with a gate     stored = dz;               the three sums over H,W
/// A sum is written only if its tensor is defined.
struct InputGradient {
  Tensor stored;               ///< (N,H,W,C) storage type; sums are of the values as rounded for storage
  Tensor add;                  ///< (N,H,W,C) or absent: the gradient of z from the skip. It does not alias stored
  Tensor sum_du, sum_du_xhat;  ///< (C) fp32
  Tensor sum_dz_a;             ///< (N,C) fp32: sum over H,W of dz*a, the gradient of the gate
  Tensor sum_dz_slope;         ///< (N,C) fp32: of dz*act'(u)
  Tensor sum_dz_slope_xhat;    ///< (N,C) fp32: of dz*act'(u)*xhat
  bool requested() const { return stored.defined(); }
};

/// Mean and M2 of a convolution's output, rounded for storage, for its batch norm.
/// Tiles are merged by Chan's formula (Chan, Golub, LeVeque 1983): never E[y^2] - E[y]^2 in fp32.
struct Moments {
  Tensor mean;  ///< (C) fp32
  Tensor m2;    ///< (C) fp32: sum of (y - mean)^2
  bool requested() const { return mean.defined(); }
};

}  // namespace mcnn
