// A loop over `count` neighbouring elements in vectors, per Highway target: full vectors, then eight lanes, four, one.
// Channel counts are small (24, 56) and often no multiple of 16, so a scalar tail alone would cost more than the vectors.
#if defined(MCNN_CPU_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_LANES_INL_H_
#undef MCNN_CPU_LANES_INL_H_
#else
#define MCNN_CPU_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls some(d, i) once for each vector of elements [i, i + lanes of d); nothing outside [0, count) is touched.
template <class Some>
HWY_INLINE void for_lanes(int64_t count, const Some& some) {
  const hn::ScalableTag<float> full;
  const hn::CappedTag<float, 4> four;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<int64_t>(hn::Lanes(full)), some_lanes = static_cast<int64_t>(hn::Lanes(four));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) some(full, i);
  if constexpr (HWY_MAX_BYTES >= 64) {
    const hn::CappedTag<float, 8> eight;
    for (; i + 8 <= count; i += 8) some(eight, i);
  }
  for (; i + some_lanes <= count; i += some_lanes) some(four, i);
  for (; i < count; ++i) some(one, i);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
