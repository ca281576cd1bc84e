// The end of a block with a skip.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// y = z(x) + sample_scale[n] * z(branch)
struct ResidualForward {
  static constexpr const char* kName = "residual_forward";
  Feature x, branch;    ///< (N,H,W,C)
  Tensor sample_scale;  ///< (N) or absent
  Tensor y;             ///< (N,H,W,C)

  void operands(Operands& reader) {
    reader.feature("x", x);
    reader.feature("branch", branch);
    reader.require(branch.raw.shape() == x.raw.shape(), "branch.raw is {}, expected {} as x", branch.raw.shape().str(),
                   x.raw.shape().str());
    reader.require(branch.raw.dtype() == x.raw.dtype(), "branch.raw holds {}, expected {}", name_of(branch.raw.dtype()),
                   name_of(x.raw.dtype()));
    reader.optional_input("sample_scale", sample_scale, {x.raw.n()});
    reader.output("y", y, x.raw.shape(), x.raw.dtype());
  }
};

}  // namespace mcnn
