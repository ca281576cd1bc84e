// AdamW over every parameter of the network in one pass.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound: four reads and three writes per parameter; what depends on the step alone is folded in double first:
//   w = keep*w - step_size * m / (sqrt(v)*per_sqrt + eps),   step_size = lr/(1-beta1^t),  per_sqrt = 1/sqrt(1-beta2^t)
// Next: ema.cpp averages what comes out.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/adamw.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <cmath>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/lanes-inl.h"
#include "kernels/cpu/parallel.h"

#ifndef MCNN_CPU_ADAMW_ONCE
#define MCNN_CPU_ADAMW_ONCE
namespace mcnn::cpu {
namespace {

struct AdamWFactors {
  float clip, beta1, one_minus_beta1, beta2, one_minus_beta2, per_sqrt, eps, step_size;
};

}  // namespace
}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

void adamw_chunk(AdamWFactors f, float keep, const float* gradient, int64_t count, float* value, float* first, float* second) {
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto g = hn::Mul(hn::LoadU(d, gradient + i), hn::Set(d, f.clip));
    const auto m = hn::MulAdd(hn::Set(d, f.beta1), hn::LoadU(d, first + i), hn::Mul(hn::Set(d, f.one_minus_beta1), g));
    const auto v = hn::MulAdd(hn::Set(d, f.beta2), hn::LoadU(d, second + i), hn::Mul(hn::Set(d, f.one_minus_beta2), hn::Mul(g, g)));
    const auto denominator = hn::MulAdd(hn::Sqrt(v), hn::Set(d, f.per_sqrt), hn::Set(d, f.eps));
    const auto step = hn::Div(hn::Mul(hn::Set(d, f.step_size), m), denominator);
    hn::StoreU(m, d, first + i);
    hn::StoreU(v, d, second + i);
    hn::StoreU(hn::MulSub(hn::Set(d, keep), hn::LoadU(d, value + i), step), d, value + i);
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(adamw_chunk);

void CpuOps::adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) {
  if (clip.data<float>()[0] == 0.0f) return;  // the gradient is not finite
  const double lr = state_.learning_rate, t = static_cast<double>(state_.step) + 1.0, beta1 = options.beta1, beta2 = options.beta2;
  const AdamWFactors factors{clip.data<float>()[0],
                             options.beta1,
                             static_cast<float>(1.0 - beta1),
                             options.beta2,
                             static_cast<float>(1.0 - beta2),
                             static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, t))),
                             options.eps,
                             static_cast<float>(lr / (1.0 - std::pow(beta1, t)))};
  const auto keep_decayed = static_cast<float>(1.0 - lr * options.weight_decay);
  const auto chunks = cut_into_chunks(slots.size(), [&](std::size_t i) { return slots[i].value.size(); });
  parallel_for(threads_, static_cast<int64_t>(chunks.size()), [&](int64_t part) {
    const Chunk& chunk = chunks[static_cast<std::size_t>(part)];
    OptimizerSlot& slot = slots[chunk.tensor];
    HWY_DYNAMIC_DISPATCH(adamw_chunk)
    (factors, slot.decay ? keep_decayed : 1.0f, slot.gradient.data<float>() + chunk.first, chunk.count,
     slot.value.data<float>() + chunk.first, slot.m.data<float>() + chunk.first, slot.v.data<float>() + chunk.first);
  });
}

}  // namespace mcnn::cpu
#endif
