// Loads and stores of feature maps in their storage type, fp32 or bf16; vectors are fp32. Per Highway target.
// Next: readers/feature_reader-inl.h, what is made of the values loaded.
#if defined(MCNN_CPU_STORAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_STORAGE_INL_H_
#undef MCNN_CPU_STORAGE_INL_H_
#else
#define MCNN_CPU_STORAGE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "runtime/dtype.h"

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

/// The bits of v as bf16, in the lower half of each word: to nearest, ties to even, as bf16's constructor; a NaN stays one.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> bf16_bits(D d, hn::Vec<D> v) {
  const hn::RebindToUnsigned<D> word;
  const auto u = hn::BitCast(word, v);
  const auto upper = hn::ShiftRight<16>(u);
  const auto rounded = hn::ShiftRight<16>(hn::Add(u, hn::Add(hn::And(upper, hn::Set(word, 1u)), hn::Set(word, 0x7fffu))));
  return hn::IfThenElse(hn::MaskFromVec(hn::BitCast(word, hn::VecFromMask(d, hn::IsNaN(v)))), hn::Or(upper, hn::Set(word, 0x40u)), rounded);
}

/// Stores v, and returns it as a later reader loads it: sums and statistics are taken of that. Past the caches where `stream` is
/// set (writers/streams.h).
template <class D>
HWY_INLINE hn::Vec<D> store_rounded(D d, hn::Vec<D> v, float* p, bool stream = false) {
  if (stream) {
    hn::Stream(v, d, p);
  } else {
    hn::StoreU(v, d, p);
  }
  return v;
}
template <class D>
HWY_INLINE hn::Vec<D> store_rounded(D d, hn::Vec<D> v, bf16* p, bool = false) {
  const hn::Rebind<uint16_t, D> half;
  const auto bits = bf16_bits(d, v);
  hn::StoreU(hn::TruncateTo(half, bits), half, &p->bits);
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}
template <class D, class T>
HWY_INLINE void store(D d, hn::Vec<D> v, T* p) {
  store_rounded(d, v, p);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
