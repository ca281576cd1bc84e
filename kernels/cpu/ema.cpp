// Exponential moving average of every parameter: average = decay*average + (1-decay)*value.  Contract: kernels/operations/optimizers.h.
// Bandwidth-bound, one pass. Evaluation reads the averages in place of the parameters.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/ema.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"
#include "kernels/cpu/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

void ema_range(float decay, float one_minus_decay, const float* value, int64_t count, float* average) {
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto fresh = hn::Mul(hn::Set(d, one_minus_decay), hn::LoadU(d, value + i));
    hn::StoreU(hn::MulAdd(hn::Set(d, decay), hn::LoadU(d, average + i), fresh), d, average + i);
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(ema_range);

void CpuOps::execute(Ema& op) {
  if (op.clip && *op.clip.data<float>() == 0.f) return;
  const auto one_minus_decay = static_cast<float>(1.0 - static_cast<double>(op.decay));
  const float* const values = op.values.data<float>();
  float* const averages = op.averages.data<float>();
  for_pieces(threads_, op.values.size(), [&](int64_t, int64_t first, int64_t count) {
    HWY_DYNAMIC_DISPATCH(ema_range)(op.decay, one_minus_decay, values + first, count, averages + first);
  });
}

}  // namespace mcnn::cpu
#endif
