// Reads the gradient of a convolution's output, dy (OutputGradient in kernels/feature.h), a vector of channels at a time; per Highway
// target. The coefficients that do not depend on the pixel are folded once per operation (gradient_coefficients.h).
#if defined(MCNN_CPU_GRADIENT_READER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_GRADIENT_READER_INL_H_
#undef MCNN_CPU_GRADIENT_READER_INL_H_
#else
#define MCNN_CPU_GRADIENT_READER_INL_H_
#endif

#include "kernels/cpu/readers/feature_reader-inl.h"
#include "kernels/cpu/readers/gradient_coefficients.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The operands of one sample of dy that do not change from pixel to pixel, from channel 0 on.
struct GradientSample {
  FeatureSample of;               // scale, shift and gate of the convolution's output
  const float* centre = nullptr;  // with slope_xhat and mean null: frozen, or no norm
  const float* slope_xhat = nullptr;
  const float* mean = nullptr;
  const float* pooled = nullptr;  // null: 0
  float sample_scale = 1.0f;
};
/// `coefficients` must outlive the result.
inline GradientSample gradient_sample(const OutputGradient& dy, const GradientCoefficients& coefficients, int64_t n) {
  GradientSample sample;
  sample.of = feature_sample(dy.of, n);
  if (!coefficients.centre.empty()) {
    sample.centre = coefficients.centre.data();
    sample.slope_xhat = coefficients.slope_xhat.data();
    sample.mean = dy.of.norm.mean.data<float>();
  }
  if (dy.pooled.defined()) sample.pooled = dy.pooled.data<float>() + n * dy.pooled.dim(1);
  if (dy.sample_scale.defined()) sample.sample_scale = dy.sample_scale.data<float>()[n];
  return sample;
}

/// What dy is formed from. Fixed at compile time, so that the raw output is read only where it is needed.
enum class GradientForm {
  scaled,       ///< dy = scale*stored
  centred,      ///< less the two means over the batch, which needs raw
  through_act,  ///< the reader multiplies act'(u) in
};
inline GradientForm gradient_form(const OutputGradient& dy) {
  if (dy.through_act) return GradientForm::through_act;
  return dy.frozen || !dy.of.norm.defined() ? GradientForm::scaled : GradientForm::centred;
}

/// Reads the channels [c, c + lanes of d) of one sample:
///   du = (stored*factor + pooled)*act'(u)      factor: gate or sample_scale; pooled and act' only through_act
///   dy = scale*du - centre - slope_xhat*(raw - mean)
template <GradientForm kForm, class D>
class GradientReader {
 public:
  using V = hn::Vec<D>;
  static constexpr bool kReadsRaw = kForm != GradientForm::scaled;

  HWY_INLINE GradientReader(D d, const GradientSample& sample, int64_t c) : of_(d, sample.of, c) {
    const auto load_or = [&](const float* values, float otherwise)
                             HWY_ATTR { return values ? hn::LoadU(d, values + c) : hn::Set(d, otherwise); };
    scale_ = load_or(sample.of.scale, 1.0f);
    factor_ = load_or(sample.of.gate, sample.sample_scale);
    pooled_ = load_or(sample.pooled, 0.0f);
    centre_ = load_or(sample.centre, 0.0f);
    slope_xhat_ = load_or(sample.slope_xhat, 0.0f);
    mean_ = load_or(sample.mean, 0.0f);
    if (kForm != GradientForm::through_act) scale_ = hn::Mul(scale_, factor_);
  }
  template <Activation kAct>
  HWY_INLINE V dy(V stored, V raw) const {
    V du = stored;
    if constexpr (kForm == GradientForm::through_act) {
      V a, slope;
      of_.template activate_u<kAct>(raw, a, slope);
      du = hn::Mul(hn::MulAdd(stored, factor_, pooled_), slope);
    }
    const V scaled = hn::Mul(du, scale_);
    if constexpr (kForm == GradientForm::scaled) return scaled;
    return hn::NegMulAdd(slope_xhat_, hn::Sub(raw, mean_), hn::Sub(scaled, centre_));
  }

 private:
  FeatureReader<D> of_;
  V scale_, factor_, pooled_, centre_, slope_xhat_, mean_;
};

/// work(form, act) with both as compile-time constants; act is identity where the form does not read it.
template <class Work>
HWY_INLINE void with_gradient_form(const OutputGradient& dy, const Work& work) {
  using Form = GradientForm;
  using Identity = std::integral_constant<Activation, Activation::identity>;
  switch (gradient_form(dy)) {
    case Form::scaled: return work(std::integral_constant<Form, Form::scaled>(), Identity());
    case Form::centred: return work(std::integral_constant<Form, Form::centred>(), Identity());
    case Form::through_act:
      return with_activation(dy.of.act, [&](auto act) HWY_ATTR { work(std::integral_constant<Form, Form::through_act>(), act); });
  }
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
