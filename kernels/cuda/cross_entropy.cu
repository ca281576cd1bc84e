// Cross-entropy with soft, smoothed targets: loss and gradient.  Contract and formulas: kernels/operations/cross_entropy.h.
// A warp has a sample, each lane every 32nd class. The row is read three times (largest logit; sums; gradient), after the first time from
// cache. exp(l - max) cannot overflow; NaN reaches the sums.
// Each warp writes its sample's loss; a second kernel, of one block, averages them.
// Next: linear.cu reads dlogits.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kSamples = 4;  // warps per block
constexpr int kAdders = 8;   // warps of the block that averages the losses

/// losses (N): of each sample, not yet divided by N. dlogits may be null.
__global__ void differentiate_samples(const float* logits, const float* targets, int samples, int classes, float kept, float spread,
                                      float per_sample, const StepState* state, float* losses, float* dlogits) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int n = static_cast<int>(blockIdx.x) * kSamples + static_cast<int>(threadIdx.x) / kWarp;
  if (n >= samples) return;
  const float* l = logits + static_cast<int64_t>(n) * classes;
  const float* t = targets + static_cast<int64_t>(n) * classes;
  float largest = -INFINITY;
  for (int k = lane; k < classes; k += kWarp) largest = fmaxf(largest, load<float, 1>(l + k)[0]);
  largest = warp_max(largest);

  float exponentials = 0, mass = 0, product = 0;  // of exp(l - largest), of the smoothed targets, of targets times l - largest
  for (int k = lane; k < classes; k += kWarp) {
    const float above = load<float, 1>(l + k)[0] - largest, target = fmaf(kept, load<float, 1>(t + k)[0], spread);
    exponentials += expf(above);
    mass += target;
    product = fmaf(target, above, product);
  }
  exponentials = warp_sum(exponentials);
  mass = warp_sum(mass);
  product = warp_sum(product);
  if (lane == 0) losses[n] = fmaf(mass, logf(exponentials), -product);
  if (!dlogits) return;

  const float scale = per_sample * state->loss_scale, per_exponential = mass / exponentials;
  for (int k = lane; k < classes; k += kWarp) {
    const float above = load<float, 1>(l + k)[0] - largest, target = fmaf(kept, load<float, 1>(t + k)[0], spread);
    store<float, 1>(dlogits + static_cast<int64_t>(n) * classes + k, {scale * (expf(above) * per_exponential - target)});
  }
}

__global__ void average(const float* losses, int samples, float* loss) {
  float sum = 0;
  for (int n = static_cast<int>(threadIdx.x); n < samples; n += kAdders * kWarp) sum += load<float, 1>(losses + n)[0];
  sum = block_sum<kAdders>(sum);
  if (threadIdx.x == 0) *loss = sum / static_cast<float>(samples);
}

}  // namespace

void CudaOps::execute(CrossEntropy& op) {
  const Range name(op.kName);
  const int64_t samples = op.logits.dim(0), classes = op.logits.dim(1);
  float* losses = scratch<float>(static_cast<std::size_t>(samples));
  launch(differentiate_samples, {blocks_for(samples, kSamples), kSamples * kWarp}, stream(), op.logits.data<float>(),
         op.targets.data<float>(), samples, classes, static_cast<float>(1.0 - op.smoothing),
         static_cast<float>(static_cast<double>(op.smoothing) / static_cast<double>(classes)),
         static_cast<float>(1.0 / static_cast<double>(samples)), state_, losses, op.dlogits.data<float>());
  launch(average, {1, kAdders * kWarp}, stream(), losses, samples, op.loss.data<float>());
}

}  // namespace mcnn::cuda
