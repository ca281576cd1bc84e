// Depthwise convolution.  Contract and formulas: kernels/operations/depthwise.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/taps.h"

namespace mcnn::ref {

void RefOps::execute(DepthwiseForward& op) {
  const int64_t channels = op.x.raw.c();
  const Reals z = read_z(op.x), weight = load(op.w);
  Reals sum = zeros(op.y.size());
  each_tap(op.x.raw.shape(), op.y.shape(), op.geometry, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c)
      sum.data()[out * channels + c] += weight.data()[tap * channels + c] * z.data()[in * channels + c];
  });
  write_output(sum, op.y, op.moments, op.norm);
}

void RefOps::execute(DepthwiseBackward& op) {
  const int64_t channels = op.x.raw.c();
  const Reals z = read_z(op.x), weight = load(op.w), gradient = read_dy(op.dy);
  Reals dweight = zeros(op.w.size()), dz = zeros(op.x.raw.size());
  each_tap(op.x.raw.shape(), op.dy.of.raw.shape(), op.geometry, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      const double d = gradient.data()[out * channels + c];
      dweight.data()[tap * channels + c] += d * z.data()[in * channels + c];
      dz.data()[in * channels + c] += d * weight.data()[tap * channels + c];
    }
  });
  store(dweight, op.dw);
  write_input_gradient(std::move(dz), op.x, op.dx);
}

}  // namespace mcnn::ref
