// Dense convolution.  Contract and formulas: kernels/operations/dense.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/taps.h"

namespace mcnn::ref {

void RefOps::execute(DenseForward& op) {
  const int64_t inputs = op.x.raw.c(), outputs = op.y.c();
  const Reals z = read_z(op.x), weight = load(op.w);
  Reals sum = zeros(op.y.size());
  each_tap(op.x.raw.shape(), op.y.shape(), op.geometry, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t ci = 0; ci < inputs; ++ci)
      for (int64_t o = 0; o < outputs; ++o)
        sum.data()[out * outputs + o] += weight.data()[(tap * inputs + ci) * outputs + o] * z.data()[in * inputs + ci];
  });
  write_output(sum, op.y, op.moments, op.norm);
}

void RefOps::execute(DenseBackward& op) {
  const int64_t inputs = op.x.raw.c(), outputs = op.dy.of.raw.c();
  const Reals z = read_z(op.x), weight = load(op.w), gradient = read_dy(op.dy);
  Reals dweight = zeros(op.w.size()), dz = zeros(op.x.raw.size());
  each_tap(op.x.raw.shape(), op.dy.of.raw.shape(), op.geometry, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t ci = 0; ci < inputs; ++ci)
      for (int64_t o = 0; o < outputs; ++o) {
        const double d = gradient.data()[out * outputs + o];
        dweight.data()[(tap * inputs + ci) * outputs + o] += d * z.data()[in * inputs + ci];
        dz.data()[in * inputs + ci] += d * weight.data()[(tap * inputs + ci) * outputs + o];
      }
  });
  store(dweight, op.dw);
  write_input_gradient(std::move(dz), op.x, op.dx);
}

}  // namespace mcnn::ref
