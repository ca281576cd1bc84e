// Writes a data gradient from panels of dz, while they are in cache, and merges its sums over rows; per Highway target.
// Used by pointwise_backward.cpp and dense.cpp.
#if defined(MCNN_CPU_GRADIENT_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_GRADIENT_PANELS_INL_H_
#undef MCNN_CPU_GRADIENT_PANELS_INL_H_
#else
#define MCNN_CPU_GRADIENT_PANELS_INL_H_
#endif

#include <vector>

#include "kernels/cpu/cuts/row_cut.h"
#include "kernels/cpu/products/panels-inl.h"
#include "kernels/cpu/readers/panel_rows-inl.h"
#include "kernels/cpu/writers/gradient_writer-inl.h"
#include "kernels/cpu/writers/streams.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Where sums over rows for InputGradient gather: (slots, kGradientSums, I). Without a gate a slot is a part, and
/// two of the three are used; with one it is a sample, or a part of a sample. The factor invstd that makes xhat is applied at the end.
class InputSums {
 public:
  InputSums(const Feature& x, const InputGradient& dx, const RowCut& cut) : gated_(x.gate.defined()), channels_(x.raw.c()), cut_(cut) {
    requested_ = dx.requested() && (gated_ ? dx.sum_dz_a.defined() || dx.sum_dz_slope.defined() || dx.sum_dz_slope_xhat.defined()
                                           : dx.sum_du.defined() || dx.sum_du_xhat.defined());
    if (requested_) values_.resize(static_cast<std::size_t>((gated_ ? cut.slots() : cut.parts) * kGradientSums * channels_), 0.0f);
  }
  bool requested() const { return requested_; }
  float* at(int64_t part, int64_t sample) { return values_.data() + (gated_ ? cut_.slot(part, sample) : part) * kGradientSums * channels_; }

  void merge_into(const Feature& x, InputGradient& dx) const {
    if (!requested_) return;
    const float* const invstd = x.norm.invstd.data<float>();  // null without a norm: then no sum of xhat is requested
    if (gated_) {
      for (int64_t n = 0; n < cut_.samples; ++n) {
        merge(n * cut_.parts_per_sample, cut_.parts_per_sample, 0, nullptr, dx.sum_dz_a, n);
        merge(n * cut_.parts_per_sample, cut_.parts_per_sample, 1, nullptr, dx.sum_dz_slope, n);
        merge(n * cut_.parts_per_sample, cut_.parts_per_sample, 2, invstd, dx.sum_dz_slope_xhat, n);
      }
    } else {
      merge(0, cut_.parts, 0, nullptr, dx.sum_du, 0);
      merge(0, cut_.parts, 1, invstd, dx.sum_du_xhat, 0);
    }
  }

 private:
  void merge(int64_t first_slot, int64_t slots, int64_t which, const float* factor, Tensor& out, int64_t row) const {
    if (!out.defined()) return;
    float* const to = out.data<float>() + row * channels_;
    std::vector<double> sum(static_cast<std::size_t>(channels_), 0.0);
    for (int64_t slot = first_slot; slot < first_slot + slots; ++slot) {
      const float* const from = values_.data() + (slot * kGradientSums + which) * channels_;
      for (int64_t c = 0; c < channels_; ++c) sum[static_cast<std::size_t>(c)] += from[c];
    }
    for (int64_t c = 0; c < channels_; ++c) to[c] = static_cast<float>(sum[static_cast<std::size_t>(c)]) * (factor ? factor[c] : 1.0f);
  }

  bool gated_, requested_ = false;
  int64_t channels_;
  RowCut cut_;
  std::vector<float> values_;
};

/// Writes rows first + [r, last) of channels [c0, c0 + count), all of one sample where x has a gate. `slopes` holds a and act'(u) in
/// panels where they were kept, at `panel`; else they are computed from raw. `sums` is null where none is requested.
template <Activation kAct, bool kGated, class T>
HWY_NOINLINE void write_gradient_rows(const Panels<float>& dz_panel, const Slopes* slopes, int64_t panel, const Feature& x,
                                      InputGradient& dx, int64_t first, int64_t r_first, int64_t r_last, int64_t c0, int64_t count,
                                      float* sums) {
  const int64_t channels = x.raw.c();
  const T* const raw = x.raw.data<T>() + first * channels;
  const T* const add = dx.add.defined() ? dx.add.data<T>() + first * channels : nullptr;
  T* const stored = dx.stored.data<T>() + first * channels;
  FeatureSample sample = feature_sample(x, 0);
  sample.gate = nullptr;  // it does not enter here
  const float* const mean = x.norm.defined() ? x.norm.mean.data<float>() : nullptr;
  const bool stream = streams<T>(dx.stored, kPanel);
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const int64_t c = c0 + i;
    const FeatureReader reader(d, sample, c);
    const V centre = mean ? hn::LoadU(d, mean + c) : hn::Zero(d);
    V row_sums[kGradientSums] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (int64_t r = r_first; r < r_last; ++r) {
      const int64_t at = r * channels + c;
      V dz = hn::LoadU(d, dz_panel.at(0, r) + i);
      if (add) dz = hn::Add(dz, load(d, add + at));
      const V x_raw = load(d, raw + at);
      V a, slope;
      if (slopes) {
        a = kGated ? hn::LoadU(d, slopes->a.at(panel, r) + i) : hn::Zero(d);
        slope = hn::LoadU(d, slopes->slope.at(panel, r) + i);
      } else {
        reader.template activate_u<kAct>(x_raw, a, slope);
      }
      write_gradient(d, kGated, dz, a, slope, hn::Sub(x_raw, centre), stored + at, stream, row_sums);
    }
    if (!sums) return;
    for (int64_t s = 0; s < kGradientSums; ++s) {
      float* const to = sums + s * channels + c;
      hn::StoreU(hn::Add(row_sums[s], hn::LoadU(d, to)), d, to);
    }
  });
}
/// Writes rows [first, first + rows) of panel `panel` of dx, from the panel `dz`. `slopes` starts at panel `slopes_from`.
template <class T>
void write_gradient_rows(const Panels<float>& dz, const Feature& x, InputGradient& dx, int64_t first, int64_t rows, int64_t panel,
                         InputSums& sums, int64_t part, const Slopes* slopes = nullptr, int64_t slopes_from = 0) {
  const int64_t c = panel * kPanel, count = std::min(kPanel, x.raw.c() - c), kept = panel - slopes_from;
  with_activation(x.act, [&](auto act) HWY_ATTR {
    if (!x.gate.defined()) {
      write_gradient_rows<act(), false, T>(dz, slopes, kept, x, dx, first, 0, rows, c, count,
                                           sums.requested() ? sums.at(part, 0) : nullptr);
      return;
    }
    for_samples(x.raw, first, rows, [&](int64_t n, int64_t r, int64_t last) HWY_ATTR {
      write_gradient_rows<act(), true, T>(dz, slopes, kept, x, dx, first, r, last, c, count, sums.requested() ? sums.at(part, n) : nullptr);
    });
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
