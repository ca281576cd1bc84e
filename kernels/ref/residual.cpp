// The sum at the end of a block with a skip, and the numbers that drop a sample's branch.  Contract: kernels/ops.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "runtime/philox.h"

namespace mcnn::ref {

void RefOps::residual_forward(const Feature& x, const Feature& branch, const Tensor& sample_scale, Tensor& y) {
  Reals sum = read_z(x);
  const Reals added = read_z(branch), scale = load_or(sample_scale, y.n(), 1.0);
  each_element(y.shape(), [&](auto i, auto, auto, auto n) { sum[i] += scale[n] * added[i]; });
  store(sum, y);
}

void RefOps::drop_path_scale(uint32_t stream, float drop, Tensor& scale) {
  const Philox random{state_.seed, stream, state_.step};
  Reals values = zeros(scale.size());
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = random.uniform(n) >= drop ? 1.0 / (1.0 - static_cast<double>(drop)) : 0.0;
  store(values, scale);
}

}  // namespace mcnn::ref
