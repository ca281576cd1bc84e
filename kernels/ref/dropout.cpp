// Dropout, forward and backward.  Contract and formulas: kernels/operations/dropout.h.
#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"
#include "runtime/philox.h"

namespace mcnn::ref {

void RefOps::execute(Dropout& op) {
  const Philox random{state_.seed, op.stream, state_.step};
  Reals values = load(op.x);
  const Reals u = load_or(op.u, 0, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = op.u.defined() ? values[i] * activation_slope(op.act, u[i]) : activate(op.act, values[i]);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] *= random.uniform(i) >= op.drop ? 1.0 / (1.0 - static_cast<double>(op.drop)) : 0.0;
  store(values, op.y);
}

}  // namespace mcnn::ref
