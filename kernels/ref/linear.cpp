// The classifier.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(LinearForward& op) {
  Reals out = product(load(op.x), load(op.w), op.x.dim(0), op.w.dim(0), op.w.dim(1));
  const Reals bias = load(op.b);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
  store(out, op.y);
}

void RefOps::execute(LinearBackward& op) {
  const int64_t samples = op.x.dim(0), in = op.w.dim(0), out = op.w.dim(1);
  const Reals gradient = load(op.dy);  // (N,O)
  store(product_at_b(load(op.x), gradient, samples, in, out), op.dw);
  store(sum_rows(gradient, samples, out), op.db);
  Reals dinput = product_a_bt(gradient, load(op.w), samples, out, in);  // (N,I)
  for (double& v : dinput) v *= static_cast<double>(op.input_scale);
  store(dinput, op.dx);
}

}  // namespace mcnn::ref
