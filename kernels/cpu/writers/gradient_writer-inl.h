// What a data gradient writes (InputGradient in kernels/feature.h), from a vector of dz = dL/dz; per Highway target.
// Next: gradient_panels-inl.h, from a panel of a product; depthwise_backward.cpp, from registers.
#if defined(MCNN_CPU_GRADIENT_WRITER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_GRADIENT_WRITER_INL_H_
#undef MCNN_CPU_GRADIENT_WRITER_INL_H_
#else
#define MCNN_CPU_GRADIENT_WRITER_INL_H_
#endif

#include "kernels/cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Sums that a data gradient takes per channel: without a gate du and du*(raw - mean); with one dz*a, dz*act' and dz*act'*(raw - mean).
constexpr int kGradientSums = 3;

/// Writes a vector of channels of one pixel, and adds it to the sums:
///   without a gate  stored = dz*act'(u)
///   with a gate     stored = dz
/// dz has the gradient of the skip added; `centred` is raw - mean.
template <class D, class T>
HWY_INLINE void write_gradient(D d, bool gated, hn::Vec<D> dz, hn::Vec<D> a, hn::Vec<D> slope, hn::Vec<D> centred, T* stored, bool stream,
                               hn::Vec<D> (&sums)[kGradientSums]) {
  if (gated) {
    dz = store_rounded(d, dz, stored, stream);
    const auto sloped = hn::Mul(dz, slope);
    sums[0] = hn::MulAdd(dz, a, sums[0]);
    sums[1] = hn::Add(sums[1], sloped);
    sums[2] = hn::MulAdd(sloped, centred, sums[2]);
  } else {
    const auto du = store_rounded(d, hn::Mul(dz, slope), stored, stream);
    sums[0] = hn::Add(sums[0], du);
    sums[1] = hn::MulAdd(du, centred, sums[1]);
  }
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
