// Random dropping: of a block's branch for a sample (stochastic depth), and of single elements (dropout).
// An element survives if uniform(index) >= drop, with the Philox stream `stream` at the current step's seed and number.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

inline void require_probability(Operands& reader, float drop) {
  reader.require(drop >= 0.f && drop < 1.f, "drop is {}, expected 0 to below 1", drop);
}

/// scale[n] = 1/(1-drop) with probability 1-drop, else 0.
/// Source: Huang et al. 2016 (stochastic depth), scaled as in EfficientNet.
struct DropPathScale {
  static constexpr const char* kName = "drop_path_scale";
  uint32_t stream = 0;
  float drop = 0.f;
  Tensor scale;  ///< (N)

  void operands(Operands& reader) {
    require_probability(reader, drop);
    reader.rank("scale", scale, 1);
    reader.output("scale", scale, scale.shape());
  }
};

/// y = f/(1-drop) if the element survives, else 0:  f = act(x), or x*act'(u) if u is given.
/// The second form is the backward of the first: x is the gradient, u the first form's x.
struct Dropout {
  static constexpr const char* kName = "dropout";
  Tensor x;  ///< any shape, fp32
  uint32_t stream = 0;
  float drop = 0.f;
  Tensor y;  ///< as x
  Activation act = Activation::identity;
  Tensor u = {};  ///< as x, or absent

  void operands(Operands& reader) {
    require_probability(reader, drop);
    reader.require(x.defined(), "x is absent");
    reader.input("x", x, x.shape());
    reader.optional_input("u", u, x.shape());
    reader.output("y", y, x.shape());
  }
};

}  // namespace mcnn
