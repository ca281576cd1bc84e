// SGD with momentum over every parameter of the network in one pass.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound: three reads and two writes per parameter. At step 0 the momentum buffer is written, not read.
// Next: ema.cpp averages what comes out.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/sgd.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"
#include "kernels/cpu/simd/lanes-inl.h"

#ifndef MCNN_CPU_SGD_ONCE
#define MCNN_CPU_SGD_ONCE
namespace mcnn::cpu {
namespace {

struct SgdFactors {
  float clip, momentum, learning_rate;
  bool nesterov, first_step;
};

}  // namespace
}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

void sgd_range(SgdFactors factors, float decay, const float* gradient, int64_t count, float* value, float* momentum) {
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
    const auto w = hn::LoadU(d, value + i);
    const auto g = hn::MulAdd(hn::Set(d, decay), w, hn::Mul(hn::Set(d, factors.clip), hn::LoadU(d, gradient + i)));
    const auto m = factors.first_step ? g : hn::MulAdd(hn::Set(d, factors.momentum), hn::LoadU(d, momentum + i), g);
    const auto direction = factors.nesterov ? hn::MulAdd(hn::Set(d, factors.momentum), m, g) : m;
    hn::StoreU(m, d, momentum + i);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, factors.learning_rate), direction, w), d, value + i);
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(sgd_range);

void CpuOps::execute(Sgd& op) {
  if (op.clip.data<float>()[0] == 0.0f) return;  // the gradient is not finite
  const SgdFactors factors{op.clip.data<float>()[0], op.momentum, state_.learning_rate, op.nesterov, state_.step == 0};
  const float* const gradients = op.gradients.data<float>();
  float *const values = op.values.data<float>(), *const m = op.m.data<float>();
  for_pieces_of_two(threads_, op.decayed, op.values.size(), [&](int64_t first, int64_t count) {
    HWY_DYNAMIC_DISPATCH(sgd_range)
    (factors, first < op.decayed ? op.weight_decay : 0.0f, gradients + first, count, values + first, m + first);
  });
}

}  // namespace mcnn::cpu
#endif
