// Vector code for reading features and gradients (feature.h), per Highway target. Included by each kernel file inside
// its HWY_NAMESPACE; T is the storage type. All row functions take one row (one n,h,w) or part of one: `count`
// channels from the pointers on, any count.
#if defined(MCNN_CPU_FEATURE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_FEATURE_INL_H_
#undef MCNN_CPU_FEATURE_INL_H_
#else
#define MCNN_CPU_FEATURE_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "kernels/cpu/gradient_coefficients.h"
#include "kernels/feature.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;  // the tail of a row, one channel at a time

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const bf16* p) {
  const hn::Rebind<uint16_t, D> half;
  const hn::RebindToUnsigned<D> word;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(word, hn::LoadU(half, &p->bits))));
}
template <class D>
HWY_INLINE void store(D d, hn::Vec<D> v, float* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store(D, hn::Vec<D> v, bf16* p) {  // to nearest even, as bf16's constructor
  const hn::Rebind<uint16_t, D> half;
  const hn::RebindToUnsigned<D> word;
  const auto u = hn::BitCast(word, v);
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(u, hn::Set(word, 0x7fffu)), hn::And(hn::ShiftRight<16>(u), hn::Set(word, 1u))));
  const auto quiet_nan = hn::Or(hn::ShiftRight<16>(u), hn::Set(word, 0x40u));
  const auto is_nan = hn::Gt(hn::And(u, hn::Set(word, 0x7fffffffu)), hn::Set(word, 0x7f800000u));
  hn::StoreU(hn::TruncateTo(half, hn::IfThenElse(is_nan, quiet_nan, rounded)), half, &p->bits);
}
/// The value a later reader will find: statistics are taken of this.
template <class D>
HWY_INLINE hn::Vec<D> as_stored(D, hn::Vec<D> v, const float*) {
  return v;
}

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

/// Per-channel (and, for gate and pooled, per-sample) operands of one row, from the channel of interest on.
struct FeatureRow {
  const float* scale = nullptr;  // null: u = raw
  const float* shift = nullptr;
  const float* gate = nullptr;  // null: 1
};
/// From channel c0 of sample n on.
inline FeatureRow feature_row(const Feature& x, int64_t n, int64_t c0) {
  FeatureRow row;
  if (x.norm.defined()) {
    row.scale = x.norm.scale.data<float>() + c0;
    row.shift = x.norm.shift.data<float>() + c0;
  }
  if (x.gate.defined()) row.gate = x.gate.data<float>() + n * x.gate.dim(1) + c0;
  return row;
}

template <class D>
HWY_INLINE hn::Vec<D> normalised_u(D d, hn::Vec<D> raw, const FeatureRow& row, int64_t c) {
  return row.scale ? hn::MulAdd(hn::LoadU(d, row.scale + c), raw, hn::LoadU(d, row.shift + c)) : raw;
}

/// z = act(scale*raw + shift)*gate of the channels from c on.
template <Activation kAct, class D, class T>
HWY_INLINE hn::Vec<D> read_vector(D d, const T* raw, const FeatureRow& row, int64_t c) {
  const auto z = activate<kAct>(d, normalised_u(d, load(d, raw + c), row, c));
  return row.gate ? hn::Mul(z, hn::LoadU(d, row.gate + c)) : z;
}

/// z[c] into `out`, c < count.
template <Activation kAct, class T>
HWY_INLINE void read_row(const T* raw, const FeatureRow& row, int64_t count, float* out) {
  const auto some = [&](auto d, int64_t c) HWY_ATTR { hn::StoreU(read_vector<kAct>(d, raw, row, c), d, out + c); };
  const Wide wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t c = 0;
  for (; c + lanes <= count; c += lanes) some(wide, c);
  for (; c < count; ++c) some(One(), c);
}

/// dy of OutputGradient, with the three coefficients that do not depend on the pixel folded once per call of an operation:
///   dy = scale*du - centre - slope_xhat*(raw - mean),   centre = scale*sum_du/M,  slope_xhat = scale*invstd*sum_du_xhat/M
struct GradientRow {
  const float* centre = nullptr;  // null (with slope_xhat): frozen, or no norm
  const float* slope_xhat = nullptr;
  const float* mean = nullptr;
  FeatureRow of;                  // scale, shift, gate of the feature
  const float* pooled = nullptr;  // null: 0
  float sample_scale = 1.0f;
  bool through_act = false;
};

/// From channel c0 of sample n on; `folded` must outlive the row.
inline GradientRow gradient_row(const OutputGradient& dy, const GradientCoefficients& folded, int64_t n, int64_t c0) {
  GradientRow row;
  row.of = feature_row(dy.of, n, c0);
  if (!folded.centre.empty()) {
    row.centre = folded.centre.data() + c0;
    row.slope_xhat = folded.slope_xhat.data() + c0;
    row.mean = dy.of.norm.mean.data<float>() + c0;
  }
  if (dy.pooled.defined()) row.pooled = dy.pooled.data<float>() + n * dy.pooled.dim(1) + c0;
  if (dy.sample_scale.defined()) row.sample_scale = dy.sample_scale.data<float>()[n];
  row.through_act = dy.through_act;
  return row;
}

/// dy of the channels from c on. `stored` may be null where pooled is not; raw is read only where it is needed.
template <Activation kAct, class D, class T>
HWY_INLINE hn::Vec<D> read_gradient_vector(D d, const T* stored, const T* raw, const GradientRow& row, int64_t c) {
  auto du = stored ? load(d, stored + c) : hn::Zero(d);
  du = hn::Mul(du, row.of.gate ? hn::LoadU(d, row.of.gate + c) : hn::Set(d, row.sample_scale));
  if (row.pooled) du = hn::Add(du, hn::LoadU(d, row.pooled + c));
  if (row.through_act) {
    hn::Vec<D> a, slope;
    activate_with_slope<kAct>(d, normalised_u(d, load(d, raw + c), row.of, c), a, slope);
    du = hn::Mul(du, slope);
  }
  if (row.of.scale) du = hn::Mul(du, hn::LoadU(d, row.of.scale + c));
  if (row.centre) {
    const auto centred = hn::Sub(load(d, raw + c), hn::LoadU(d, row.mean + c));
    du = hn::NegMulAdd(hn::LoadU(d, row.slope_xhat + c), centred, hn::Sub(du, hn::LoadU(d, row.centre + c)));
  }
  return du;
}

/// dy[c] into `out`, c < count.
template <Activation kAct, class T>
HWY_INLINE void read_gradient_row(const T* stored, const T* raw, const GradientRow& row, int64_t count, float* out) {
  const auto some = [&](auto d, int64_t c) HWY_ATTR { hn::StoreU(read_gradient_vector<kAct>(d, stored, raw, row, c), d, out + c); };
  const Wide wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t c = 0;
  for (; c + lanes <= count; c += lanes) some(wide, c);
  for (; c < count; ++c) some(One(), c);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
