// The classifier.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) {
  Reals out = product(load(x), load(w), x.dim(0), w.dim(0), w.dim(1));
  const Reals bias = load(b);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
  store(out, y);
}

void RefOps::linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db, Tensor& dx) {
  const int64_t samples = x.dim(0), in = w.dim(0), out = w.dim(1);
  const Reals gradient = load(dy);  // (N,O)
  store(product_at_b(load(x), gradient, samples, in, out), dw);
  store(sum_rows(gradient, samples, out), db);
  Reals dinput = product_a_bt(gradient, load(w), samples, out, in);  // (N,I)
  for (double& v : dinput) v *= static_cast<double>(input_scale);
  store(dinput, dx);
}

}  // namespace mcnn::ref
