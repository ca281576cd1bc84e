// What a data gradient leaves (InputGradient in kernels/feature.h), made from a panel of dz = dL/dz while it is in cache, per
// Highway target. Used by pointwise_backward.cpp and dense.cpp.
#if defined(MCNN_CPU_INPUT_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_INPUT_GRADIENT_INL_H_
#undef MCNN_CPU_INPUT_GRADIENT_INL_H_
#else
#define MCNN_CPU_INPUT_GRADIENT_INL_H_
#endif

#include <vector>

#include "kernels/cpu/cuts/row_cut.h"
#include "kernels/cpu/matrix_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Where sums over rows for InputGradient gather: (slots, 3, I). Without a gate a slot is a part and two of the three are
/// used, sum_du and sum_du*(raw-mean); with one it is a sample, or a part of a sample, and the three are
/// sum_dz_a, sum_dz_slope, sum_dz_slope*(raw-mean). The factor invstd that makes xhat is applied at the end.
class InputSums {
 public:
  InputSums(const Feature& x, const InputGradient& dx, const RowCut& cut) : gated_(x.gate.defined()), channels_(x.raw.c()), cut_(cut) {
    wanted_ = dx.requested() && (gated_ ? dx.sum_dz_a.defined() || dx.sum_dz_slope.defined() || dx.sum_dz_slope_xhat.defined()
                                        : dx.sum_du.defined() || dx.sum_du_xhat.defined());
    if (wanted_) values_.resize(static_cast<std::size_t>((gated_ ? cut.slots() : cut.parts) * 3 * channels_), 0.0f);
  }
  bool wanted() const { return wanted_; }
  float* at(int64_t part, int64_t sample) { return values_.data() + (gated_ ? cut_.slot(part, sample) : part) * 3 * channels_; }

  void merge_into(const Feature& x, InputGradient& dx) const {
    if (!wanted_) return;
    const float* const invstd = x.norm.defined() ? x.norm.invstd.data<float>() : nullptr;
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
      const float* const from = values_.data() + (slot * 3 + which) * channels_;
      for (int64_t c = 0; c < channels_; ++c) sum[static_cast<std::size_t>(c)] += from[c];
    }
    for (int64_t c = 0; c < channels_; ++c) to[c] = static_cast<float>(sum[static_cast<std::size_t>(c)]) * (factor ? factor[c] : 1.0f);
  }

  bool gated_, wanted_ = false;
  int64_t channels_;
  RowCut cut_;
  std::vector<float> values_;
};

/// The epilogue of dz: rows first + [r, last) of channels [c0, c0 + count), all of one sample where x has a gate.
///   without a gate  stored = du = (dz + add)*act'(u);   sums: du, du*(raw - mean)
///   with a gate     stored = dz + add;                  sums: dz*a, dz*act'(u), dz*act'(u)*(raw - mean)
/// `a_panel` and `slope_panel` hold a and act'(u) where they were kept, else they are null and formed again from raw; `sums` is
/// null where none is wanted.
template <Activation kAct, bool kGated, class T>
HWY_NOINLINE void store_gradient(const float* dz_panel, const float* a_panel, const float* slope_panel, const Feature& x, InputGradient& dx,
                                 int64_t first, int64_t r_first, int64_t r_last, int64_t c0, int64_t count, bool stream, float* sums) {
  const int64_t channels = x.raw.c();
  const T* const raw = x.raw.data<T>() + first * channels;
  const T* const add = dx.add.defined() ? dx.add.data<T>() + first * channels : nullptr;
  T* const stored = dx.stored.data<T>() + first * channels;
  const FeatureRow row = feature_row(x, 0, 0);  // the gate does not enter here
  const float* const mean = x.norm.defined() ? x.norm.mean.data<float>() : nullptr;
  for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const int64_t c = c0 + i;
    const V centre = mean ? hn::LoadU(d, mean + c) : hn::Zero(d);
    V sum_a = hn::Zero(d), sum_slope = hn::Zero(d), sum_slope_centred = hn::Zero(d);
    const auto slopes = [&](int64_t r, V& a, V& slope) HWY_ATTR {
      if (slope_panel) {
        a = hn::LoadU(d, a_panel + r * kPanel + i);
        slope = hn::LoadU(d, slope_panel + r * kPanel + i);
      } else {
        activate_with_slope<kAct>(d, normalised_u(d, load(d, raw + r * channels + c), row, c), a, slope);
      }
    };
    for (int64_t r = r_first; r < r_last; ++r) {
      const int64_t at = r * channels + c;
      V dz = hn::LoadU(d, dz_panel + r * kPanel + i);
      if (add) dz = hn::Add(dz, load(d, add + at));
      if constexpr (kGated) {
        dz = as_stored(d, dz, stored);
        store_row(d, dz, stored + at, stream);
        if (!sums) continue;
        V a, slope;
        slopes(r, a, slope);
        const V dz_slope = hn::Mul(dz, slope);
        sum_a = hn::MulAdd(dz, a, sum_a);
        sum_slope = hn::Add(sum_slope, dz_slope);
        sum_slope_centred = hn::MulAdd(dz_slope, hn::Sub(load(d, raw + at), centre), sum_slope_centred);
      } else {
        V du = dz;
        if constexpr (kAct != Activation::identity) {
          V a, slope;
          slopes(r, a, slope);
          du = hn::Mul(dz, slope);
        }
        du = as_stored(d, du, stored);
        store_row(d, du, stored + at, stream);
        if (!sums) continue;
        sum_a = hn::Add(sum_a, du);
        sum_slope = hn::MulAdd(du, hn::Sub(load(d, raw + at), centre), sum_slope);
      }
    }
    if (!sums) return;
    const auto gather = [&](V sum, float* to) HWY_ATTR { hn::StoreU(hn::Add(sum, hn::LoadU(d, to)), d, to); };
    gather(sum_a, sums + c);
    gather(sum_slope, sums + channels + c);
    if constexpr (kGated) gather(sum_slope_centred, sums + 2 * channels + c);
  });
}
template <class T>
void store_gradient(const float* dz_panel, const Feature& x, InputGradient& dx, int64_t first, int64_t rows, int64_t panel, InputSums& sums,
                    int64_t part, const float* a_panel = nullptr, const float* slope_panel = nullptr) {
  const int64_t c = panel * kPanel, count = std::min(kPanel, x.raw.c() - c);
  const bool stream = streams<T>(dx.stored);
  with_activation(x.act, [&](auto act) HWY_ATTR {
    if (!x.gate.defined()) {
      store_gradient<act(), false, T>(dz_panel, a_panel, slope_panel, x, dx, first, 0, rows, c, count, stream,
                                      sums.wanted() ? sums.at(part, 0) : nullptr);
      return;
    }
    for_samples(x.raw, first, rows, [&](int64_t n, int64_t r, int64_t last) HWY_ATTR {
      store_gradient<act(), true, T>(dz_panel, a_panel, slope_panel, x, dx, first, r, last, c, count, stream,
                                     sums.wanted() ? sums.at(part, n) : nullptr);
    });
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
