// The head's matrix product with a bias, forward and backward.  Contract: kernels/ops.h.
// A thousandth of a step's work, so plain loops, the output channel innermost; sums over inputs and samples are in double.
// Next: squeeze_excite.cpp has the other small products.
#include <algorithm>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/parallel.h"

namespace mcnn::cpu {

void CpuOps::linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) {
  const int64_t in = w.dim(0), out = w.dim(1);
  std::vector<double> sums(static_cast<std::size_t>(x.dim(0) * out));  // (N,O)
  parallel_for(threads_, x.dim(0), [&](int64_t n) {
    double* const sum = sums.data() + n * out;
    std::copy_n(b.data<float>(), out, sum);
    const float* const from = x.data<float>() + n * in;
    for (int64_t i = 0; i < in; ++i) {
      const float* const row = w.data<float>() + i * out;
      for (int64_t o = 0; o < out; ++o) sum[o] += static_cast<double>(from[i]) * row[o];
    }
    std::transform(sum, sum + out, y.data<float>() + n * out, [](double v) { return static_cast<float>(v); });
  });
}

void CpuOps::linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db, Tensor& dx) {
  const int64_t samples = x.dim(0), in = w.dim(0), out = w.dim(1);
  const float *inputs = x.data<float>(), *weights = w.data<float>(), *gradient = dy.data<float>();
  const auto as_float = [](double v) { return static_cast<float>(v); };
  if (db.defined()) {
    std::vector<double> sum(static_cast<std::size_t>(out), 0.0);
    for (int64_t n = 0; n < samples; ++n) {
      for (int64_t o = 0; o < out; ++o) sum[static_cast<std::size_t>(o)] += gradient[n * out + o];
    }
    std::transform(sum.begin(), sum.end(), db.data<float>(), as_float);
  }
  const int64_t rows_per_part = 64, parts = (in + rows_per_part - 1) / rows_per_part;  // rows of w
  std::vector<double> sums(static_cast<std::size_t>(parts * out));                     // (parts, O)
  parallel_for(threads_, parts, [&](int64_t part) {
    double* const sum = sums.data() + part * out;
    for (int64_t i = part * rows_per_part; i < std::min(in, (part + 1) * rows_per_part); ++i) {
      if (dw.defined()) {
        std::fill_n(sum, out, 0.0);
        for (int64_t n = 0; n < samples; ++n) {
          const double from = inputs[n * in + i];
          for (int64_t o = 0; o < out; ++o) sum[o] += from * gradient[n * out + o];
        }
        std::transform(sum, sum + out, dw.data<float>() + i * out, as_float);
      }
      for (int64_t n = 0; dx.defined() && n < samples; ++n) {
        double product = 0;
        for (int64_t o = 0; o < out; ++o) product += static_cast<double>(gradient[n * out + o]) * weights[i * out + o];
        dx.data<float>()[n * in + i] = static_cast<float>(input_scale * product);
      }
    }
  });
}

}  // namespace mcnn::cpu
