// 1x1 convolution.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) {
  leave_output(product(read_z(x), load(w), x.raw.rows(), w.dim(0), w.dim(1)), y, moments);
}

void RefOps::pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) {
  const int64_t rows = x.raw.rows(), in = w.dim(0), out = w.dim(1);
  const Reals gradient = read_dy(dy);  // (rows,O)
  if (dw.defined()) store(product_at_b(read_z(x), gradient, rows, in, out), dw);
  if (dx) leave_gradient(product_a_bt(gradient, load(w), rows, out, in), x, dx);
}

}  // namespace mcnn::ref
