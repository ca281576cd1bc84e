// Multiply-add for matrix products, per Highway target. fp32: one product a lane. bf16: the instruction VDPBF16PS of AVX512_BF16 adds two
// products to each fp32 lane; it takes denormals as 0. Highway 1.0 has no target with these instructions, so they are written as
// assembly, in code that runs only where has_bf16_dots() (products/bf16_dots.h).
// Next: products/panels-inl.h lays the pairs out; products/gemm-inl.h multiplies.
#if defined(MCNN_CPU_BF16_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_BF16_DOT_INL_H_
#undef MCNN_CPU_BF16_DOT_INL_H_
#else
#define MCNN_CPU_BF16_DOT_INL_H_
#endif

#include <type_traits>

#include "kernels/cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Whether products of bf16 are compiled for this target.
constexpr bool kBf16Dots = HWY_TARGET == HWY_AVX3;

/// sum + left*right for each lane. E float: one product a lane; bf16: a lane holds two elements, whose products are both added.
template <class E, class D>
HWY_INLINE hn::Vec<D> multiply_add(D, hn::Vec<D> left, hn::Vec<D> right, hn::Vec<D> sum) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (std::is_same_v<E, bf16>) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(left.raw), "v"(right.raw));
    return sum;
  } else
#endif
  {
    static_assert(std::is_same_v<E, float>);
    return hn::MulAdd(left, right, sum);
  }
}

#if HWY_TARGET == HWY_AVX3
/// Rounds to nearest even, as bf16_bits() does, except that denormals become 0. Products read denormals as 0, so their results are the
/// same.
HWY_INLINE __m256i to_bf16(hn::Vec<Wide> v) {
  __m256i rounded;
  asm("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(v.raw));
  return rounded;
}
#endif

/// v0 and v1, rounded to bf16, to two places.
template <class D>
HWY_INLINE void store_two_bf16(D d, hn::Vec<D> v0, hn::Vec<D> v1, bf16* to0, bf16* to1) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (std::is_same_v<D, Wide>) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to0), to_bf16(v0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to1), to_bf16(v1));
    return;
  }
#endif
  store(d, v0, to0);
  store(d, v1, to1);
}

/// The lanes of v0 and v1, rounded to bf16, in turn: v0[0], v1[0], v0[1], ...
template <class D>
HWY_INLINE void store_bf16_pairs(D d, hn::Vec<D> v0, hn::Vec<D> v1, bf16* to) {
  const hn::RebindToUnsigned<D> word;
#if HWY_TARGET == HWY_AVX3
  if constexpr (std::is_same_v<D, Wide>) {
    const __m512i low = _mm512_cvtepu16_epi32(to_bf16(v0)), high = _mm512_cvtepu16_epi32(to_bf16(v1));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    return;
  }
#endif
  hn::StoreU(hn::Or(bf16_bits(d, v0), hn::ShiftLeft<16>(bf16_bits(d, v1))), word, reinterpret_cast<uint32_t*>(to));
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
