// Dense convolution, the stem's.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/taps.h"

namespace mcnn::ref {

void RefOps::dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) {
  const int64_t inputs = x.raw.c(), outputs = y.c();
  const Reals z = read_z(x), weight = load(w);
  Reals sum = zeros(y.size());
  each_tap(x.raw.shape(), y.shape(), g, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t ci = 0; ci < inputs; ++ci)
      for (int64_t o = 0; o < outputs; ++o)
        sum.data()[out * outputs + o] += weight.data()[(tap * inputs + ci) * outputs + o] * z.data()[in * inputs + ci];
  });
  leave_output(sum, y, moments);
}

void RefOps::dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                            InputGradient* dx) {
  const int64_t inputs = x.raw.c(), outputs = dy.of->raw.c();
  const Reals z = read_z(x), weight = load(w), gradient = read_dy(dy);
  Reals dweight = zeros(w.size()), dz = zeros(x.raw.size());
  each_tap(x.raw.shape(), dy.of->raw.shape(), g, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t ci = 0; ci < inputs; ++ci)
      for (int64_t o = 0; o < outputs; ++o) {
        const double d = gradient.data()[out * outputs + o];
        dweight.data()[(tap * inputs + ci) * outputs + o] += d * z.data()[in * inputs + ci];
        dz.data()[in * inputs + ci] += d * weight.data()[(tap * inputs + ci) * outputs + o];
      }
  });
  store(dweight, dw);
  leave_gradient(std::move(dz), x, dx);
}

}  // namespace mcnn::ref
