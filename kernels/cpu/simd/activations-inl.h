// act(u) and act'(u) in vectors, per Highway target. Formulas: kernels/feature.h.
#if defined(MCNN_CPU_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_ACTIVATIONS_INL_H_
#undef MCNN_CPU_ACTIVATIONS_INL_H_
#else
#define MCNN_CPU_ACTIVATIONS_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "kernels/feature.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// 1/x to 2e-7. Division is the slowest instruction of a sigmoid; x86's estimates (12 bits and more) need one Newton step.
template <class D>
HWY_INLINE hn::Vec<D> reciprocal(D d, hn::Vec<D> x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  const auto estimate = hn::ApproximateReciprocal(x);
  return hn::Mul(estimate, hn::NegMulAdd(x, estimate, hn::Set(d, 2.0f)));
#else
  return hn::Div(hn::Set(d, 1.0f), x);
#endif
}

/// 1/(1+exp(-u)), relative error below 5e-7 for |u| < 15 and 2e-6 farther out (three times that without fused
/// multiply-add). Beyond +-87 it is constant; a NaN is not kept here, its factors u keep it.
///   exp(-u) = 2^k * 2^r, k = round(t), r = t - k, t = -u*log2(e);  2^r is the minimax polynomial of degree 5 on
///   [-1/2, 1/2], relative error 7.5e-8, found by Remez' algorithm.
template <class D>
HWY_INLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> u) {
  const hn::RebindToSigned<D> whole;
  const auto bounded = hn::Max(hn::Min(u, hn::Set(d, 87.0f)), hn::Set(d, -87.0f));
  const auto minus_log2e = hn::Set(d, -1.44269504f), one = hn::Set(d, 1.0f);
  const auto magic = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: adding it leaves round(t) in the lowest bits
  const auto shifted = hn::MulAdd(bounded, minus_log2e, magic);
  const auto r = hn::MulSub(bounded, minus_log2e, hn::Sub(shifted, magic));
  auto p = hn::Set(d, 0.0013276472f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.00967554133f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0555071327f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.240221197f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.693146967f));
  p = hn::MulAdd(p, r, one);
  const auto power = hn::ShiftLeft<23>(hn::BitCast(whole, shifted));  // k, added to p's exponent
  return reciprocal(d, hn::Add(one, hn::BitCast(d, hn::Add(hn::BitCast(whole, p), power))));
}

/// relu6(t)/6. A NaN is not kept.
template <class D>
HWY_INLINE hn::Vec<D> sixth_of_relu6(D d, hn::Vec<D> t) {
  return hn::Mul(hn::Min(hn::Max(t, hn::Zero(d)), hn::Set(d, 6.0f)), hn::Set(d, 1.0f / 6));
}

/// act(u) and act'(u), the formulas of feature.h; a compile-time activation, so that readers' loops have no branch.
template <Activation kAct, class D>
HWY_INLINE hn::Vec<D> activate(D d, hn::Vec<D> u) {
  if constexpr (kAct == Activation::swish) return hn::Mul(u, sigmoid(d, u));
  if constexpr (kAct == Activation::relu6) return hn::IfThenElse(hn::IsNaN(u), u, hn::Min(hn::Max(u, hn::Zero(d)), hn::Set(d, 6.0f)));
  if constexpr (kAct == Activation::relu) return hn::IfThenElse(hn::IsNaN(u), u, hn::Max(u, hn::Zero(d)));
  if constexpr (kAct == Activation::hard_swish) return hn::Mul(u, sixth_of_relu6(d, hn::Add(u, hn::Set(d, 3.0f))));
  return u;
}
template <Activation kAct, class D>
HWY_INLINE void activate_with_slope(D d, hn::Vec<D> u, hn::Vec<D>& a, hn::Vec<D>& slope) {
  const auto one = hn::Set(d, 1.0f);
  if constexpr (kAct == Activation::swish) {
    const auto s = sigmoid(d, u);
    a = hn::Mul(u, s);
    slope = hn::MulAdd(a, hn::Sub(one, s), s);  // s + u*s*(1-s)
  } else if constexpr (kAct == Activation::relu6) {
    a = activate<kAct>(d, u);
    slope = hn::IfThenElseZero(hn::And(hn::Gt(u, hn::Zero(d)), hn::Lt(u, hn::Set(d, 6.0f))), one);
  } else if constexpr (kAct == Activation::relu) {
    a = activate<kAct>(d, u);
    slope = hn::IfThenElseZero(hn::Gt(u, hn::Zero(d)), one);
  } else if constexpr (kAct == Activation::hard_swish) {
    a = activate<kAct>(d, u);
    const auto three = hn::Set(d, 3.0f);
    const auto between = hn::MulAdd(u, hn::Set(d, 1.0f / 3), hn::Set(d, 0.5f));
    slope = hn::IfThenElseZero(hn::Gt(u, hn::Neg(three)), hn::IfThenElse(hn::Lt(u, three), between, one));
  } else {
    a = u;
    slope = one;
  }
}

/// work(kAct) with the activation as a compile-time constant, an std::integral_constant.
template <class Work>
HWY_INLINE void with_activation(Activation act, const Work& work) {
  if (act == Activation::swish) {
    work(std::integral_constant<Activation, Activation::swish>());
  } else if (act == Activation::relu6) {
    work(std::integral_constant<Activation, Activation::relu6>());
  } else if (act == Activation::relu) {
    work(std::integral_constant<Activation, Activation::relu>());
  } else if (act == Activation::hard_swish) {
    work(std::integral_constant<Activation, Activation::hard_swish>());
  } else {
    work(std::integral_constant<Activation, Activation::identity>());
  }
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
