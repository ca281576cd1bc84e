// The sum at the end of a block with a skip, and drop-path's factors.  Contract: kernels/operations/residual.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "runtime/philox.h"

namespace mcnn::ref {

void RefOps::execute(ResidualForward& op) {
  Reals sum = read_z(op.x);
  const Reals added = read_z(op.branch), scale = load_or(op.sample_scale, op.y.n(), 1.0);
  each_element(op.y.shape(), [&](auto i, auto, auto, auto n) { sum[i] += scale[n] * added[i]; });
  store(sum, op.y);
}

void RefOps::execute(DropPathScale& op) {
  const Philox random{state_.seed, op.stream, state_.step};
  Reals values = zeros(op.scale.size());
  for (std::size_t n = 0; n < values.size(); ++n)
    values[n] = random.uniform(n) >= op.drop ? 1.0 / (1.0 - static_cast<double>(op.drop)) : 0.0;
  store(values, op.scale);
}

}  // namespace mcnn::ref
