// 1x1 convolution.  Contract and formulas: kernels/operations/pointwise.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(PointwiseForward& op) {
  write_output(product(read_z(op.x), load(op.w), op.x.raw.rows(), op.w.dim(0), op.w.dim(1)), op.y, op.moments, op.norm);
}

void RefOps::execute(PointwiseBackward& op) {
  const int64_t rows = op.x.raw.rows(), in = op.w.dim(0), out = op.w.dim(1);
  const Reals gradient = read_dy(op.dy);  // (rows,O)
  if (op.dw.defined()) store(product_at_b(read_z(op.x), gradient, rows, in, out), op.dw);
  if (op.dx.requested()) write_input_gradient(product_a_bt(gradient, load(op.w), rows, out, in), op.x, op.dx);
}

}  // namespace mcnn::ref
