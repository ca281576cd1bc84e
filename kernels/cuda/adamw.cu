// AdamW over every parameter of the network in one launch.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound: four reads and three writes per parameter. What depends on the step alone each thread folds first:
//   w = keep*w - step_size * m / (sqrt(v)*per_sqrt + eps),   step_size = lr/(1-beta1^t),  per_sqrt = 1/sqrt(1-beta2^t)
// with 1-beta^t = -expm1(t*log(beta)), which loses nothing in fp32 where beta^t is near 1.
// Next: ema.cu averages what comes out.
#include <cmath>

#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/multi_tensor.cuh"

namespace mcnn::cuda {
namespace {

struct AdamWFactors {
  float beta1, one_minus_beta1, log_beta1;
  float beta2, one_minus_beta2, log_beta2;
  float eps, weight_decay;
};

/// A chunk's tensors: value, gradient, m, v.
__global__ void adamw_chunk(const Chunk* chunks, AdamWFactors f, const float* clip, const StepState* state) {
  const float factor = *clip;
  if (factor == 0.f) return;  // the gradient is not finite: nothing moves
  const Chunk chunk = chunks[blockIdx.x];
  const float lr = state->learning_rate, t = static_cast<float>(state->step) + 1.f;
  const float step_size = lr / -expm1f(t * f.log_beta1), per_sqrt = 1.f / sqrtf(-expm1f(t * f.log_beta2));
  const float keep = chunk.decay ? fmaf(-lr, f.weight_decay, 1.f) : 1.f;
  float *value = chunk.tensors[0], *first = chunk.tensors[2], *second = chunk.tensors[3];
  for_each_element(chunk, [&](auto width, int i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> gradient = load<float, kWidth>(chunk.tensors[1] + i);
    Floats<kWidth> w = load<float, kWidth>(value + i), m = load<float, kWidth>(first + i), v = load<float, kWidth>(second + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      const float g = factor * gradient[j];
      m[j] = fmaf(f.beta1, m[j], f.one_minus_beta1 * g);
      v[j] = fmaf(f.beta2, v[j], f.one_minus_beta2 * (g * g));
      w[j] = fmaf(keep, w[j], -step_size * m[j] / fmaf(sqrtf(v[j]), per_sqrt, f.eps));
    }
    store<float, kWidth>(value + i, w);
    store<float, kWidth>(first + i, m);
    store<float, kWidth>(second + i, v);
  });
}

}  // namespace

void CudaOps::adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) {
  const Range range(__func__);
  const double beta1 = options.beta1, beta2 = options.beta2;
  const AdamWFactors factors{options.beta1,
                             static_cast<float>(1.0 - beta1),
                             static_cast<float>(std::log(beta1)),
                             options.beta2,
                             static_cast<float>(1.0 - beta2),
                             static_cast<float>(std::log(beta2)),
                             options.eps,
                             options.weight_decay};
  std::vector<TensorGroup> groups;
  for (OptimizerSlot& s : slots)
    groups.push_back({{s.value.data<float>(), s.gradient.data<float>(), s.m.data<float>(), s.v.data<float>()}, s.value.size(), s.decay});
  const Chunk* chunks = update_chunks_.of(std::move(groups), stream());
  if (update_chunks_.chunks() == 0) return;
  launch(adamw_chunk, {update_chunks_.chunks(), kChunkThreads}, stream(), chunks, factors, clip.data<float>(), state_);
  weights_.all_changed();
}

}  // namespace mcnn::cuda
