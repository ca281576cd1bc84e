// Global average pooling of an activated feature map, for squeeze-excite and the head.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// Spatial mean of a = act(u) (x's gate is not applied), and the sums that its backward needs:
///   mean[n,c] = 1/(H*W) sum_{h,w} a     slope[n,c] = sum_{h,w} act'(u)     slope_xhat[n,c] = sum_{h,w} act'(u)*xhat
struct PoolForward {
  static constexpr const char* kName = "pool_forward";
  Feature x;                 ///< (N,H,W,C)
  Tensor mean;               ///< (N,C)
  Tensor slope, slope_xhat;  ///< (N,C); absent: not requested (evaluation)

  void operands(Operands& reader) {
    reader.feature("x", x);
    const Shape per_sample = {x.raw.n(), x.raw.c()};
    reader.output("mean", mean, per_sample);
    reader.optional_output("slope", slope, per_sample);
    if (!x.norm.defined()) reader.absent("slope_xhat", slope_xhat, "x has no norm");
    reader.optional_output("slope_xhat", slope_xhat, per_sample);
  }
};

}  // namespace mcnn
