// Depthwise convolution.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/taps.h"

namespace mcnn::ref {

void RefOps::depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) {
  const int64_t channels = x.raw.c();
  const Reals z = read_z(x), weight = load(w);
  Reals sum = zeros(y.size());
  each_tap(x.raw.shape(), y.shape(), g, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c)
      sum.data()[out * channels + c] += weight.data()[tap * channels + c] * z.data()[in * channels + c];
  });
  leave_output(sum, y, moments);
}

void RefOps::depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                                InputGradient* dx) {
  const int64_t channels = x.raw.c();
  const Reals z = read_z(x), weight = load(w), gradient = read_dy(dy);
  Reals dweight = zeros(w.size()), dz = zeros(x.raw.size());
  each_tap(x.raw.shape(), dy.of->raw.shape(), g, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t c = 0; c < channels; ++c) {
      const double d = gradient.data()[out * channels + c];
      dweight.data()[tap * channels + c] += d * z.data()[in * channels + c];
      dz.data()[in * channels + c] += d * weight.data()[tap * channels + c];
    }
  });
  store(dweight, dw);
  leave_gradient(std::move(dz), x, dx);
}

}  // namespace mcnn::ref
