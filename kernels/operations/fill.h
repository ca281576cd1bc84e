// Fills a tensor with one value.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// x = value. x has any shape and type.
struct Fill {
  static constexpr const char* kName = "fill";
  Tensor x;
  float value = 0.f;

  void operands(Operands& reader) {
    reader.require(x.defined(), "x is absent");
    reader.output("x", x, x.shape(), x.dtype());
  }
};

}  // namespace mcnn
