// SGD with momentum over every parameter of the network in one launch.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound: three reads and two writes per parameter. Step 0 does not read the momentum buffer's values.
// Next: ema.cu averages the parameters.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/flat_range.cuh"

namespace mcnn::cuda {
namespace {

/// The first `decayed` elements have weight decay.
struct SgdFactors {
  float momentum, weight_decay;
  bool nesterov;
  int64_t decayed;
};

__global__ void sgd_range(FlatRange range, SgdFactors f, const float* clip, const StepState* state, float* values, const float* gradients,
                          float* momentum) {
  const float factor = *clip;
  if (factor == 0.f) return;  // the gradient is not finite: no update
  const float lr = state->learning_rate;
  const bool first_step = state->step == 0;
  range.for_each_element([&](auto width, int64_t i) {
    constexpr int kWidth = decltype(width)::value;
    const Floats<kWidth> gradient = load<float, kWidth>(gradients + i);
    Floats<kWidth> w = load<float, kWidth>(values + i), m = load<float, kWidth>(momentum + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      const float g = fmaf(i + j < f.decayed ? f.weight_decay : 0.f, w[j], factor * gradient[j]);
      m[j] = first_step ? g : fmaf(f.momentum, m[j], g);
      w[j] = fmaf(-lr, f.nesterov ? fmaf(f.momentum, m[j], g) : m[j], w[j]);
    }
    store<float, kWidth>(values + i, w);
    store<float, kWidth>(momentum + i, m);
  });
}

}  // namespace

void CudaOps::execute(Sgd& op) {
  const Range name(op.kName);
  const FlatRange range = FlatRange::of(op.values, op.gradients, op.m);
  launch(sgd_range, range.grid(), stream(), range, SgdFactors{op.momentum, op.weight_decay, op.nesterov, op.decayed}, op.clip.data<float>(),
         state_, op.values.data<float>(), op.gradients.data<float>(), op.m.data<float>());
}

}  // namespace mcnn::cuda
