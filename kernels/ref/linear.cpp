// A linear layer.  Contract and formulas: kernels/operations/linear.h.
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {
namespace {

Reals activated(Activation act, Reals x) {
  for (double& v : x) v = activate(act, v);
  return x;
}

}  // namespace

void RefOps::execute(LinearForward& op) {
  Reals out = product(activated(op.act, load(op.x)), load(op.w), op.x.dim(0), op.w.dim(0), op.w.dim(1));
  const Reals bias = load(op.b);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
  store(out, op.y);
}

void RefOps::execute(LinearBackward& op) {
  const int64_t samples = op.x.dim(0), in = op.w.dim(0), out = op.w.dim(1);
  const Reals gradient = load(op.dy);  // (N,O)
  const Reals x = load(op.x);
  store(product_at_b(activated(op.act, x), gradient, samples, in, out), op.dw);
  store(sum_rows(gradient, samples, out), op.db);
  Reals dinput = product_a_bt(gradient, load(op.w), samples, out, in);  // (N,I)
  for (std::size_t i = 0; i < x.size(); ++i) dinput[i] *= static_cast<double>(op.input_scale) * activation_slope(op.act, x[i]);
  store(dinput, op.dx);
}

}  // namespace mcnn::ref
