// Reads a feature map, z = act(scale*raw + shift)*gate (Feature in kernels/feature.h), a vector of channels at a time; per Highway target.
// Next: gradient_reader-inl.h, the same backward; panel_rows-inl.h, rows as operands of products.
#if defined(MCNN_CPU_FEATURE_READER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_FEATURE_READER_INL_H_
#undef MCNN_CPU_FEATURE_READER_INL_H_
#else
#define MCNN_CPU_FEATURE_READER_INL_H_
#endif

#include "kernels/cpu/simd/activations-inl.h"
#include "kernels/cpu/simd/storage-inl.h"
#include "kernels/feature.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The operands of one sample of a feature map that do not change from pixel to pixel, from channel 0 on.
struct FeatureSample {
  const float* scale = nullptr;  // null, as shift: u = raw
  const float* shift = nullptr;
  const float* gate = nullptr;  // null: 1
};
inline FeatureSample feature_sample(const Feature& x, int64_t n) {
  FeatureSample sample;
  if (x.norm.defined()) sample.scale = x.norm.scale.data<float>(), sample.shift = x.norm.shift.data<float>();
  if (x.gate.defined()) sample.gate = x.gate.data<float>() + n * x.gate.dim(1);
  return sample;
}

/// Reads the channels [c, c + lanes of d) of one sample. Their coefficients stay in registers while a loop goes over pixels.
template <class D>
class FeatureReader {
 public:
  using V = hn::Vec<D>;
  HWY_INLINE FeatureReader(D d, const FeatureSample& sample, int64_t c)
      : d_(d),
        scale_(sample.scale ? hn::LoadU(d, sample.scale + c) : hn::Set(d, 1.0f)),
        shift_(sample.scale ? hn::LoadU(d, sample.shift + c) : hn::Zero(d)),
        gate_(sample.gate ? hn::LoadU(d, sample.gate + c) : hn::Set(d, 1.0f)) {}

  HWY_INLINE V u(V raw) const { return hn::MulAdd(scale_, raw, shift_); }
  template <Activation kAct>
  HWY_INLINE V z(V raw) const {
    return hn::Mul(activate<kAct>(d_, u(raw)), gate_);
  }
  /// a = act(u) and act'(u).
  template <Activation kAct>
  HWY_INLINE void activate_u(V raw, V& a, V& slope) const {
    activate_with_slope<kAct>(d_, u(raw), a, slope);
  }
  HWY_INLINE V gated(V a) const { return hn::Mul(a, gate_); }

 private:
  D d_;
  V scale_, shift_, gate_;
};

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
