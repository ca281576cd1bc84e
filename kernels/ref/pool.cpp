// Spatial mean, and the sums of act' that its backward needs.  Contract and formulas: kernels/operations/pool.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(PoolForward& op) {
  const auto pixels = static_cast<double>(op.x.raw.h() * op.x.raw.w());
  const Reals u = read_u(op.x), xhat = op.x.norm.defined() ? read_xhat(op.x) : zeros(op.x.raw.size());
  Reals average = zeros(op.x.raw.n() * op.x.raw.c()), sum_slope = average, sum_slope_xhat = average;
  each_element(op.x.raw.shape(), [&](auto i, auto nc, auto, auto) {
    const double d = activation_slope(op.x.act, u[i]);
    average[nc] += activate(op.x.act, u[i]) / pixels;
    sum_slope[nc] += d;
    sum_slope_xhat[nc] += d * xhat[i];
  });
  store(average, op.mean);
  store(sum_slope, op.slope);
  store(sum_slope_xhat, op.slope_xhat);
}

}  // namespace mcnn::ref
