// An optimizer's step over all parameters of a network. Parameters are in one block of memory; so are their gradients, moments and
// averages, in the same order (layers/parameters.h). Each operation processes whole ranges, fp32.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// norm = 2-norm of all gradients together, / loss_scale; clip = min(1, max_norm/(norm + 1e-6)) / loss_scale, without the
/// min if max_norm is 0. If norm is not finite, clip is 0, and the optimizer changes nothing.
struct GradientNorm {
  static constexpr const char* kName = "gradient_norm";
  Tensor gradients;  ///< (P)
  float max_norm = 0.f;
  Tensor norm, clip;  ///< (1)

  void operands(Operands& reader) {
    reader.require(max_norm >= 0.f, "max_norm is {}, expected 0 or more", max_norm);
    reader.rank("gradients", gradients, 1);
    reader.input("gradients", gradients, gradients.shape());
    reader.output("norm", norm, {1});
    reader.output("clip", clip, {1});
  }
};

/// What AdamW and Sgd share: values that a gradient changes; the first `decayed` of them decay.
inline void decayed_update(Operands& reader, Tensor& clip, Tensor& values, Tensor& gradients, int64_t decayed) {
  reader.rank("values", values, 1);
  reader.require(decayed >= 0 && decayed <= values.size(), "decayed is {}, expected 0 to {}", decayed, values.size());
  reader.input("clip", clip, {1});
  reader.update("values", values, values.shape());
  reader.input("gradients", gradients, values.shape());
}

/// With g = clip*gradient, lr and t = step+1 of the current step (Loshchilov & Hutter 2019, algorithm 2, PyTorch's form):
///   w *= 1 - lr*weight_decay;   m = beta1*m + (1-beta1)*g;   v = beta2*v + (1-beta2)*g^2
///   w -= lr * (m/(1-beta1^t)) / (sqrt(v/(1-beta2^t)) + eps)
struct AdamW {
  static constexpr const char* kName = "adamw";
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, weight_decay = 0.f;
  Tensor clip;          ///< (1)
  Tensor values;        ///< (P)
  Tensor gradients;     ///< (P)
  Tensor m, v;          ///< (P) first and second moment
  int64_t decayed = 0;  ///< number of elements with weight decay, from the first on

  void operands(Operands& reader) {
    decayed_update(reader, clip, values, gradients, decayed);
    reader.update("m", m, values.shape());
    reader.update("v", v, values.shape());
  }
};

/// With g = clip*gradient + weight_decay*w:  m = momentum*m + g;  w -= lr*(nesterov ? g + momentum*m : m). (PyTorch's form;
/// at step 0 m = g.)
struct Sgd {
  static constexpr const char* kName = "sgd";
  float momentum = 0.9f, weight_decay = 0.f;
  bool nesterov = false;
  Tensor clip;          ///< (1)
  Tensor values;        ///< (P)
  Tensor gradients;     ///< (P)
  Tensor m;             ///< (P) the momentum buffer
  int64_t decayed = 0;  ///< number of elements with weight decay, from the first on

  void operands(Operands& reader) {
    decayed_update(reader, clip, values, gradients, decayed);
    reader.update("m", m, values.shape());
  }
};

/// average = decay*average + (1-decay)*value; no change if clip is 0.
struct Ema {
  static constexpr const char* kName = "ema";
  float decay = 0.f;
  Tensor clip;      ///< (1) or absent
  Tensor values;    ///< (P)
  Tensor averages;  ///< (P)

  void operands(Operands& reader) {
    reader.rank("values", values, 1);
    reader.optional_input("clip", clip, {1});
    reader.input("values", values, values.shape());
    reader.update("averages", averages, values.shape());
  }
};

}  // namespace mcnn
