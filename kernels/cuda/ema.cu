// Exponential moving average of every parameter in one launch: average = decay*average + (1-decay)*value.
// Contract: kernels/operations/optimizers.h. Bandwidth-bound. Evaluation reads the averages instead of the parameters.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/flat_range.cuh"

namespace mcnn::cuda {
namespace {

/// clip may be null.
__global__ void ema_range(FlatRange range, float decay, float one_minus_decay, const float* clip, const float* values, float* averages) {
  if (clip && *clip == 0.f) return;  // the step changed nothing
  range.for_each_element([&](auto width, int64_t i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> value = load<float, kWidth>(values + i);
    Floats<kWidth> mean = load<float, kWidth>(averages + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) mean[j] = fmaf(decay, mean[j], one_minus_decay * value[j]);
    store<float, kWidth>(averages + i, mean);
  });
}

}  // namespace

void CudaOps::execute(Ema& op) {
  const Range name(op.kName);
  const FlatRange range = FlatRange::of(op.values, op.averages);
  launch(ema_range, range.grid(), stream(), range, op.decay, static_cast<float>(1.0 - static_cast<double>(op.decay)), op.clip.data<float>(),
         op.values.data<float>(), op.averages.data<float>());
}

}  // namespace mcnn::cuda
