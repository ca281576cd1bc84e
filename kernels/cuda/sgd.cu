// SGD with momentum over every parameter of the network in one launch.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound: three reads and two writes per parameter. At step 0 the old momentum buffer does not count.
// Next: ema.cu averages what comes out.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/multi_tensor.cuh"

namespace mcnn::cuda {
namespace {

/// A chunk's tensors: value, gradient, m.
__global__ void sgd_chunk(const Chunk* chunks, Sgd options, const float* clip, const StepState* state) {
  const float factor = *clip;
  if (factor == 0.f) return;  // the gradient is not finite: nothing moves
  const Chunk chunk = chunks[blockIdx.x];
  const float lr = state->learning_rate, decay = chunk.decay ? options.weight_decay : 0.f;
  const bool first_step = state->step == 0;
  float *value = chunk.tensors[0], *momentum = chunk.tensors[2];
  for_each_element(chunk, [&](auto width, int i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> gradient = load<float, kWidth>(chunk.tensors[1] + i);
    Floats<kWidth> w = load<float, kWidth>(value + i), m = load<float, kWidth>(momentum + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      const float g = fmaf(decay, w[j], factor * gradient[j]);
      m[j] = first_step ? g : fmaf(options.momentum, m[j], g);
      w[j] = fmaf(-lr, options.nesterov ? fmaf(options.momentum, m[j], g) : m[j], w[j]);
    }
    store<float, kWidth>(value + i, w);
    store<float, kWidth>(momentum + i, m);
  });
}

}  // namespace

void CudaOps::sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) {
  const Range range(__func__);
  std::vector<TensorGroup> groups;
  for (OptimizerSlot& s : slots)
    groups.push_back({{s.value.data<float>(), s.gradient.data<float>(), s.m.data<float>()}, s.value.size(), s.decay});
  const Chunk* chunks = update_chunks_.of(std::move(groups), stream());
  if (update_chunks_.chunks() == 0) return;
  launch(sgd_chunk, {update_chunks_.chunks(), kChunkThreads}, stream(), chunks, options, clip.data<float>(), state_);
  weights_.all_changed();
}

}  // namespace mcnn::cuda
