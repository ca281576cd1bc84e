// The head's matrix products with a bias, forward and backward.  Contract: kernels/operations/linear.h.
// A thousandth of a step's work, so plain loops, the output channel innermost; sums over inputs and samples are in double.
// Next: squeeze_excite.cpp has the other small products.
#include <algorithm>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"

namespace mcnn::cpu {
namespace {

/// z = act(x): in `memory`, or x's own where that is the same.
const float* activated(const Tensor& x, Activation act, std::vector<float>& memory) {
  const float* const raw = x.data<float>();
  if (act == Activation::identity) return raw;
  memory.resize(static_cast<std::size_t>(x.size()));
  std::transform(raw, raw + x.size(), memory.begin(), [act](float v) { return activate(act, v); });
  return memory.data();
}

}  // namespace

void CpuOps::execute(LinearForward& op) {
  const int64_t in = op.w.dim(0), out = op.w.dim(1);
  std::vector<float> memory;
  const float* const z = activated(op.x, op.act, memory);
  std::vector<double> sums(static_cast<std::size_t>(op.x.dim(0) * out));  // (N,O)
  parallel_for(threads_, op.x.dim(0), [&](int64_t n) {
    double* const sum = sums.data() + n * out;
    std::copy_n(op.b.data<float>(), out, sum);
    const float* const from = z + n * in;
    for (int64_t i = 0; i < in; ++i) {
      const float* const row = op.w.data<float>() + i * out;
      for (int64_t o = 0; o < out; ++o) sum[o] += static_cast<double>(from[i]) * row[o];
    }
    std::transform(sum, sum + out, op.y.data<float>() + n * out, [](double v) { return static_cast<float>(v); });
  });
}

void CpuOps::execute(LinearBackward& op) {
  const int64_t samples = op.x.dim(0), in = op.w.dim(0), out = op.w.dim(1);
  std::vector<float> memory;
  const float *inputs = activated(op.x, op.act, memory), *weights = op.w.data<float>(), *gradient = op.dy.data<float>();
  const auto as_float = [](double v) { return static_cast<float>(v); };
  if (op.db.defined()) {
    std::vector<double> sum(static_cast<std::size_t>(out), 0.0);
    for (int64_t n = 0; n < samples; ++n) {
      for (int64_t o = 0; o < out; ++o) sum[static_cast<std::size_t>(o)] += gradient[n * out + o];
    }
    std::transform(sum.begin(), sum.end(), op.db.data<float>(), as_float);
  }
  const int64_t rows_per_part = 64, parts = (in + rows_per_part - 1) / rows_per_part;  // rows of w
  std::vector<double> sums(static_cast<std::size_t>(parts * out));                     // (parts, O)
  parallel_for(threads_, parts, [&](int64_t part) {
    double* const sum = sums.data() + part * out;
    for (int64_t i = part * rows_per_part; i < std::min(in, (part + 1) * rows_per_part); ++i) {
      if (op.dw.defined()) {
        std::fill_n(sum, out, 0.0);
        for (int64_t n = 0; n < samples; ++n) {
          const double from = inputs[n * in + i];
          for (int64_t o = 0; o < out; ++o) sum[o] += from * gradient[n * out + o];
        }
        std::transform(sum, sum + out, op.dw.data<float>() + i * out, as_float);
      }
      for (int64_t n = 0; op.dx.defined() && n < samples; ++n) {
        double product = 0;
        for (int64_t o = 0; o < out; ++o) product += static_cast<double>(gradient[n * out + o]) * weights[i * out + o];
        if (op.act != Activation::identity) product *= activation_slope(op.act, op.x.data<float>()[n * in + i]);
        op.dx.data<float>()[n * in + i] = static_cast<float>(op.input_scale * product);
      }
    }
  });
}

}  // namespace mcnn::cpu
