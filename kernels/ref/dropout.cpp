// Dropout, forward and backward alike.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"
#include "runtime/philox.h"

namespace mcnn::ref {

void RefOps::dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) {
  const Philox random{state_.seed, stream, state_.step};
  Reals values = load(x);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= random.uniform(i) >= drop ? 1.0 / (1.0 - static_cast<double>(drop)) : 0.0;
  store(values, y);
}

}  // namespace mcnn::ref
