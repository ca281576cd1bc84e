// AdamW over every parameter of the network in one launch.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound: four reads and three writes per parameter. Each thread first computes what depends on the step alone:
//   w = keep*w - step_size * m / (sqrt(v)*per_sqrt + eps),   step_size = lr/(1-beta1^t),  per_sqrt = 1/sqrt(1-beta2^t)
// with 1-beta^t = -expm1(t*log(beta)), which is accurate in fp32 for beta^t near 1.
// Next: ema.cu averages the parameters.
#include <cmath>

#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/flat_range.cuh"

namespace mcnn::cuda {
namespace {

struct AdamWFactors {
  float beta1, one_minus_beta1, log_beta1;
  float beta2, one_minus_beta2, log_beta2;
  float eps, weight_decay;
  int64_t decayed;  // number of elements with weight decay, from the first on
};

__global__ void adamw_range(FlatRange range, AdamWFactors f, const float* clip, const StepState* state, float* values,
                            const float* gradients, float* first, float* second) {
  const float factor = *clip;
  if (factor == 0.f) return;  // the gradient is not finite: no update
  const float lr = state->learning_rate, t = static_cast<float>(state->step) + 1.f;
  const float step_size = lr / -expm1f(t * f.log_beta1), per_sqrt = 1.f / sqrtf(-expm1f(t * f.log_beta2));
  const float keep_decayed = fmaf(-lr, f.weight_decay, 1.f);
  range.for_each_element([&](auto width, int64_t i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> gradient = load<float, kWidth>(gradients + i);
    Floats<kWidth> w = load<float, kWidth>(values + i), m = load<float, kWidth>(first + i), v = load<float, kWidth>(second + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      const float g = factor * gradient[j], keep = i + j < f.decayed ? keep_decayed : 1.f;
      m[j] = fmaf(f.beta1, m[j], f.one_minus_beta1 * g);
      v[j] = fmaf(f.beta2, v[j], f.one_minus_beta2 * (g * g));
      w[j] = fmaf(keep, w[j], -step_size * m[j] / fmaf(sqrtf(v[j]), per_sqrt, f.eps));
    }
    store<float, kWidth>(values + i, w);
    store<float, kWidth>(first + i, m);
    store<float, kWidth>(second + i, v);
  });
}

}  // namespace

void CudaOps::execute(AdamW& op) {
  const Range name(op.kName);
  const double beta1 = op.beta1, beta2 = op.beta2;
  const AdamWFactors factors{op.beta1,
                             static_cast<float>(1.0 - beta1),
                             static_cast<float>(std::log(beta1)),
                             op.beta2,
                             static_cast<float>(1.0 - beta2),
                             static_cast<float>(std::log(beta2)),
                             op.eps,
                             op.weight_decay,
                             op.decayed};
  const FlatRange range = FlatRange::of(op.values, op.gradients, op.m, op.v);
  launch(adamw_range, range.grid(), stream(), range, factors, op.clip.data<float>(), state_, op.values.data<float>(),
         op.gradients.data<float>(), op.m.data<float>(), op.v.data<float>());
}

}  // namespace mcnn::cuda
