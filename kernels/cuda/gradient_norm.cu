// The 2-norm of all gradients together, and the factor that clips it.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound, so squares are summed in double: no gradient is too large. One launch leaves a sum for each chunk of the
// parameters, a second of one block adds them in an order of its own that does not change.
// Next: adamw.cu and sgd.cu multiply gradients by clip.
#include <cmath>

#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/multi_tensor.cuh"
#include "kernels/cuda/reduce.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kWarps = static_cast<int>(kChunkThreads) / kWarp;

/// sums: one for each chunk. The gradient is the chunk's first tensor.
__global__ void sum_squares(const Chunk* chunks, double* sums) {
  const Chunk chunk = chunks[blockIdx.x];
  double sum = 0;
  for_each_element(chunk, [&](auto width, int i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> g = load<float, kWidth>(chunk.tensors[0] + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sum = fma(static_cast<double>(g[j]), static_cast<double>(g[j]), sum);
  });
  sum = block_sum<kWarps>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void finish_norm(const double* sums, int count, float max_norm, const StepState* state, float* norm, float* clip) {
  double squares = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(kChunkThreads)) squares += sums[i];
  squares = block_sum<kWarps>(squares);
  if (threadIdx.x != 0) return;
  const double loss_scale = state->loss_scale, length = sqrt(squares) / loss_scale;
  *norm = static_cast<float>(length);
  const double factor = max_norm == 0.f ? 1.0 : fmin(1.0, max_norm / (length + 1e-6));
  *clip = *norm < INFINITY ? static_cast<float>(factor / loss_scale) : 0.f;  // a NaN is not less
}

}  // namespace

void CudaOps::gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) {
  const Range range(__func__);
  std::vector<TensorGroup> groups;
  for (const Tensor& g : gradients) groups.push_back({{g.data<float>()}, g.size()});
  const Chunk* chunks = gradient_chunks_.of(std::move(groups), stream());
  const unsigned count = gradient_chunks_.chunks();
  double* sums = scratch<double>(count);
  if (count > 0) launch(sum_squares, {count, kChunkThreads}, stream(), chunks, sums);
  launch(finish_norm, {1, kChunkThreads}, stream(), sums, count, max_norm, state_, norm.data<float>(), clip.data<float>());
}

}  // namespace mcnn::cuda
