// The head's matrix products with a bias, forward and backward.  Contract: kernels/operations/linear.h.
// A thousandth of a step's work.  Next: products/small_product-inl.h; squeeze_excite.cpp has the other small products.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <algorithm>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/rounding.h"
#include "kernels/cpu/products/small_product-inl.h"

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(multiply);

namespace {

constexpr int64_t kInputs = 64;  // of one part

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
  const int64_t samples = op.x.dim(0), in = op.w.dim(0), out = op.w.dim(1);
  std::vector<float> memory;
  const float *const z = activated(op.x, op.act, memory), *const bias = op.b.data<float>();
  parallel_for(threads_, ceil_div(samples, kSmallProductRows), [&](int64_t part) {
    const int64_t n = part * kSmallProductRows, rows = std::min(kSmallProductRows, samples - n);
    float* const y = op.y.data<float>() + n * out;
    HWY_DYNAMIC_DISPATCH(multiply)(Factor{z + n * in, in, 1}, op.w.data<float>(), out, rows, in, out, y, out);
    for (int64_t i = 0; i < rows * out; ++i) y[i] += bias[i % out];
  });
}

void CpuOps::execute(LinearBackward& op) {
  const int64_t samples = op.x.dim(0), in = op.w.dim(0), out = op.w.dim(1);
  std::vector<float> memory;
  const float *const z = activated(op.x, op.act, memory), *const w = op.w.data<float>(), *const dy = op.dy.data<float>();
  for (int64_t o = 0; op.db.defined() && o < out; ++o) {
    double sum = 0;
    for (int64_t n = 0; n < samples; ++n) sum += dy[n * out + o];
    op.db.data<float>()[o] = static_cast<float>(sum);
  }
  parallel_for(threads_, ceil_div(in, kInputs), [&](int64_t part) {
    const int64_t first = part * kInputs, count = std::min(kInputs, in - first);
    if (op.dw.defined()) {
      HWY_DYNAMIC_DISPATCH(multiply)(Factor{z + first, 1, in}, dy, out, count, samples, out, op.dw.data<float>() + first * out, out);
    }
    if (!op.dx.defined()) return;
    float* const transposed = thread_scratch().floats(static_cast<std::size_t>(out * count));  // (O, count)
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t i = 0; i < count; ++i) transposed[o * count + i] = w[(first + i) * out + o];
    }
    float* const dx = op.dx.data<float>() + first;
    HWY_DYNAMIC_DISPATCH(multiply)(Factor{dy, out, 1}, transposed, count, samples, out, count, dx, in);
    for (int64_t n = 0; n < samples; ++n) {
      for (int64_t i = 0; i < count; ++i) {
        const float slope = activation_slope(op.act, op.x.data<float>()[n * in + first + i]);
        dx[n * in + i] *= op.input_scale * slope;
      }
    }
  });
}

}  // namespace mcnn::cpu
#endif
