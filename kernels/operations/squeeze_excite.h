// Squeeze-excite: a gate per sample and channel from the pooled feature.
// Sources: Hu et al. 2018, section 3: relu and sigmoid. EfficientNet's has swish in place of relu; MobileNetV3's (Howard et al. 2019,
// section 5.2) has hard_sigmoid.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

enum class GateFunction : uint8_t { sigmoid, hard_sigmoid };

/// sigmoid: 1/(1+exp(-t)).  hard_sigmoid: min(max(t+3,0),6)/6.  NaN stays NaN.
template <class T>
inline T gate_of(GateFunction function, T t) {
  if (function == GateFunction::sigmoid) return T(1) / (T(1) + std::exp(-t));
  return t > T(-3) ? (t < T(3) ? (t + T(3)) / T(6) : T(1)) : (t <= T(-3) ? T(0) : t);
}
/// The derivative, from the gate: gate*(1-gate);  1/6 inside (0,1), 0 at both ends (PyTorch's choice).
template <class T>
inline T gate_slope(GateFunction function, T gate) {
  if (function == GateFunction::sigmoid) return gate * (T(1) - gate);  // not gate - gate*gate, which cancels near 1
  return gate > T(0) && gate < T(1) ? T(1) / T(6) : T(0);
}

/// gate = function(act(s*w1 + b1)*w2 + b2);  hidden = s*w1 + b1 is kept for backward.
struct SqueezeExciteForward {
  static constexpr const char* kName = "squeeze_excite_forward";
  Tensor s;                            ///< (N,C) the pooled mean
  Tensor w1, b1;                       ///< (C,R), (R)
  Tensor w2, b2;                       ///< (R,C), (C)
  Tensor hidden;                       ///< (N,R)
  Tensor gate;                         ///< (N,C)
  Activation act = Activation::swish;  ///< or relu
  GateFunction function = GateFunction::sigmoid;

  void operands(Operands& reader) {
    weights(reader, s, w1, w2, act);
    reader.input("b1", b1, {w1.dim(1)});
    reader.input("b2", b2, {s.dim(1)});
    reader.output("hidden", hidden, {s.dim(0), w1.dim(1)});
    reader.output("gate", gate, {s.dim(0), s.dim(1)});
  }
  double flops() const { return 2.0 * static_cast<double>(s.dim(0)) * static_cast<double>(w1.size() + w2.size()); }

  static void weights(Operands& reader, Tensor& s, Tensor& w1, Tensor& w2, Activation act) {
    reader.require(act == Activation::swish || act == Activation::relu, "act is neither swish nor relu");
    reader.rank("s", s, 2);
    reader.rank("w1", w1, 2);
    reader.input("s", s, s.shape());
    reader.input("w1", w1, {s.dim(1), w1.dim(1)});
    reader.input("w2", w2, {w1.dim(1), s.dim(1)});
  }
};

/// With dg = sum_dz_a, the gradient of the gate:  dt = dg*function'(t);  dw2 = act(hidden)^T dt;  db2 = sum_n dt;
///   dh = (dt w2^T)*act'(hidden);  dw1 = s^T dh;  db1 = sum_n dh;  pooled = (dh w1^T)/pixels
struct SqueezeExciteBackward {
  static constexpr const char* kName = "squeeze_excite_backward";
  Tensor s;                   ///< (N,C)
  Tensor w1, w2;              ///< (C,R), (R,C)
  Tensor hidden;              ///< (N,R)
  Tensor gate;                ///< (N,C)
  Tensor sum_dz_a;            ///< (N,C)
  int64_t pixels = 0;         ///< H*W of the feature map
  Tensor dw1, db1, dw2, db2;  ///< as the weights; absent: not requested
  Tensor pooled;              ///< (N,C)
  Activation act = Activation::swish;
  GateFunction function = GateFunction::sigmoid;

  void operands(Operands& reader) {
    SqueezeExciteForward::weights(reader, s, w1, w2, act);
    const Shape per_channel = {s.dim(0), s.dim(1)};
    reader.require(pixels >= 1, "pixels is {}, expected 1 or more", pixels);
    reader.input("hidden", hidden, {s.dim(0), w1.dim(1)});
    reader.input("gate", gate, per_channel);
    reader.input("sum_dz_a", sum_dz_a, per_channel);
    reader.optional_output("dw1", dw1, w1.shape());
    reader.optional_output("db1", db1, {w1.dim(1)});
    reader.optional_output("dw2", dw2, w2.shape());
    reader.optional_output("db2", db2, {s.dim(1)});
    reader.output("pooled", pooled, per_channel);
  }
  double flops() const { return 4.0 * static_cast<double>(s.dim(0)) * static_cast<double>(w1.size() + w2.size()); }
};

}  // namespace mcnn
