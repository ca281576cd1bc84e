// Exponential moving average of every parameter in one launch: average = decay*average + (1-decay)*value.
// Contract: kernels/ops.h. Bandwidth-bound. Evaluation reads the averages in place of the parameters.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/multi_tensor.cuh"

namespace mcnn::cuda {
namespace {

/// A chunk's tensors: average, value. clip may be null.
__global__ void ema_chunk(const Chunk* chunks, float decay, float one_minus_decay, const float* clip) {
  if (clip && *clip == 0.f) return;  // the step changed nothing
  const Chunk chunk = chunks[blockIdx.x];
  float* average = chunk.tensors[0];
  for_each_element(chunk, [&](auto width, int i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> value = load<float, kWidth>(chunk.tensors[1] + i);
    Floats<kWidth> mean = load<float, kWidth>(average + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) mean[j] = fmaf(decay, mean[j], one_minus_decay * value[j]);
    store<float, kWidth>(average + i, mean);
  });
}

}  // namespace

void CudaOps::ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) {
  const Range range(__func__);
  std::vector<TensorGroup> groups;
  for (std::size_t i = 0; i < values.size(); ++i)
    groups.push_back({{averages[i].data<float>(), values[i].data<float>()}, values[i].size()});
  const Chunk* chunks = average_chunks_.of(std::move(groups), stream());
  if (average_chunks_.chunks() == 0) return;
  launch(ema_chunk, {average_chunks_.chunks(), kChunkThreads}, stream(), chunks, decay,
         static_cast<float>(1.0 - static_cast<double>(decay)), clip.data<float>());
  weights_.all_changed();
}

}  // namespace mcnn::cuda
