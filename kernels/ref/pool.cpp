// Spatial mean, and the sums of act' that its backward needs.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) {
  const auto pixels = static_cast<double>(x.raw.h() * x.raw.w());
  const Reals u = read_u(x), xhat = x.norm.defined() ? read_xhat(x) : zeros(x.raw.size());
  Reals average = zeros(x.raw.n() * x.raw.c()), sum_slope = average, sum_slope_xhat = average;
  each_element(x.raw.shape(), [&](auto i, auto nc, auto, auto) {
    const double d = activation_slope(x.act, u[i]);
    average[nc] += activate(x.act, u[i]) / pixels;
    sum_slope[nc] += d;
    sum_slope_xhat[nc] += d * xhat[i];
  });
  store(average, mean);
  store(sum_slope, slope);
  store(sum_slope_xhat, slope_xhat);
}

}  // namespace mcnn::ref
