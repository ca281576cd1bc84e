// The 2-norm of all gradients together, and the factor that clips it.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound, so squares can be summed in double, where none overflows. One launch writes a sum per block of the range; a second
// launch, of one block, adds them in a fixed order.
// Next: adamw.cu and sgd.cu multiply gradients by clip.
#include <cmath>

#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/flat_range.cuh"
#include "kernels/cuda/reduce.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kWarps = static_cast<int>(kRangeThreads) / kWarp;

/// sums: one per block.
__global__ void sum_squares(FlatRange range, const float* gradients, double* sums) {
  double sum = 0;
  range.for_each_element([&](auto width, int64_t i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> g = load<float, kWidth>(gradients + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sum = fma(static_cast<double>(g[j]), static_cast<double>(g[j]), sum);
  });
  sum = block_sum<kWarps>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void finish_norm(const double* sums, int count, float max_norm, const StepState* state, float* norm, float* clip) {
  double squares = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(kRangeThreads)) squares += sums[i];
  squares = block_sum<kWarps>(squares);
  if (threadIdx.x != 0) return;
  const double loss_scale = state->loss_scale, length = sqrt(squares) / loss_scale;
  *norm = static_cast<float>(length);
  const double factor = max_norm == 0.f ? 1.0 : fmin(1.0, max_norm / (length + 1e-6));
  *clip = *norm < INFINITY ? static_cast<float>(factor / loss_scale) : 0.f;  // false for NaN
}

}  // namespace

void CudaOps::execute(GradientNorm& op) {
  const Range name(op.kName);
  const FlatRange range = FlatRange::of(op.gradients);
  double* const sums = scratch<double>(range.blocks());
  launch(sum_squares, range.grid(), stream(), range, op.gradients.data<float>(), sums);
  launch(finish_norm, {1, kRangeThreads}, stream(), sums, static_cast<int>(range.blocks()), op.max_norm, state_, op.norm.data<float>(),
         op.clip.data<float>());
}

}  // namespace mcnn::cuda
