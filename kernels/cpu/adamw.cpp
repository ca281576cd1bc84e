// AdamW over every parameter of the network in one pass.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound: four reads and three writes per parameter; what depends on the step alone is folded in double first:
//   w = keep*w - step_size * m / (sqrt(v)*per_sqrt + eps),   step_size = lr/(1-beta1^t),  per_sqrt = 1/sqrt(1-beta2^t)
// Next: ema.cpp averages what comes out.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/adamw.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <cmath>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"
#include "kernels/cpu/simd/lanes-inl.h"

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

void adamw_range(AdamWFactors f, float keep, const float* gradient, int64_t count, float* value, float* first, float* second) {
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
HWY_EXPORT(adamw_range);

void CpuOps::execute(AdamW& op) {
  if (op.clip.data<float>()[0] == 0.0f) return;  // the gradient is not finite
  const double lr = state_.learning_rate, t = static_cast<double>(state_.step) + 1.0, beta1 = op.beta1, beta2 = op.beta2;
  const AdamWFactors factors{op.clip.data<float>()[0],
                             op.beta1,
                             static_cast<float>(1.0 - beta1),
                             op.beta2,
                             static_cast<float>(1.0 - beta2),
                             static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, t))),
                             op.eps,
                             static_cast<float>(lr / (1.0 - std::pow(beta1, t)))};
  const auto keep_decayed = static_cast<float>(1.0 - lr * op.weight_decay);
  const float* const gradients = op.gradients.data<float>();
  float *const values = op.values.data<float>(), *const m = op.m.data<float>(), *const v = op.v.data<float>();
  for_pieces_of_two(threads_, op.decayed, op.values.size(), [&](int64_t first, int64_t count) {
    HWY_DYNAMIC_DISPATCH(adamw_range)
    (factors, first < op.decayed ? keep_decayed : 1.0f, gradients + first, count, values + first, m + first, v + first);
  });
}

}  // namespace mcnn::cpu
#endif
