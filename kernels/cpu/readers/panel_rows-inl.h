// Reads feature maps and gradients as operands of matrix products (products/panels-inl.h), per Highway target. A row is one pixel (n,h,w).
// The readers compute z of a feature, or dy of a gradient, from the stored maps, and write panels. They process one vector of channels
// for all rows of a sample, then the next vector: the coefficients stay in registers. They prefetch kRowsAhead rows early, for rows that
// no earlier product has prefetched (products/ahead.h).
// Next: feature_reader-inl.h and gradient_reader-inl.h compute; pointwise_forward.cpp uses them.
#if defined(MCNN_CPU_PANEL_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_PANEL_ROWS_INL_H_
#undef MCNN_CPU_PANEL_ROWS_INL_H_
#else
#define MCNN_CPU_PANEL_ROWS_INL_H_
#endif

#include <vector>

#include "kernels/cpu/products/ahead.h"
#include "kernels/cpu/products/panels-inl.h"
#include "kernels/cpu/readers/feature_reader-inl.h"
#include "kernels/cpu/readers/gradient_reader-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Cuts rows [first, first + rows) at samples. Calls with_rows(n, r, last) for each sample n; r and last count from `first`.
template <class WithRows>
HWY_INLINE void for_samples(const Tensor& map, int64_t first, int64_t rows, const WithRows& with_rows) {
  const int64_t pixels = map.h() * map.w();
  for (int64_t r = 0; r < rows;) {
    const int64_t n = (first + r) / pixels;
    const int64_t last = std::min(rows, (n + 1) * pixels - first);
    with_rows(n, r, last);
    r = last;
  }
}

constexpr int64_t kRowsAhead = 32;

/// a = act(u) and slope = act'(u) of a part of a feature, in panels. Reading z writes them; writing dz uses them.
struct Slopes {
  Panels<float> a, slope;
};

/// Writes z of rows [first, first + rows) of x to `out`, for panels [from, to) of its channels. Row `first` and panel `from` are row 0 and
/// panel 0 of `out`. If kSlopes, it also writes `slopes`, in the same places.
template <Activation kAct, bool kSlopes, class T, class E>
HWY_NOINLINE void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, const Operand<E>& out,
                                    const Slopes& slopes) {
  const int64_t channels = x.raw.c();
  const T* const raw = x.raw.data<T>() + first * channels;
  for_samples(x.raw, first, rows, [&](int64_t n, int64_t r_first, int64_t r_last) HWY_ATTR {
    const FeatureSample sample = feature_sample(x, n);
    for (int64_t panel = from; panel < to; ++panel) {
      const int64_t count = std::min(kPanel, channels - panel * kPanel);
      for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
        const int64_t c = panel * kPanel + i;
        const FeatureReader reader(d, sample, c);
        put_rows(d, out, panel - from, i, r_first, r_last, [&](int64_t r) HWY_ATTR {
          const T* const at = raw + r * channels + c;
          __builtin_prefetch(at + kRowsAhead * channels);
          if constexpr (kSlopes) {
            hn::Vec<decltype(d)> a, slope;
            reader.template activate_u<kAct>(load(d, at), a, slope);
            hn::StoreU(a, d, slopes.a.at(panel - from, r) + i);
            hn::StoreU(slope, d, slopes.slope.at(panel - from, r) + i);
            return reader.gated(a);
          } else {
            return reader.template z<kAct>(load(d, at));
          }
        });
      });
      pad_rows(out, panel - from, count, r_first, r_last);
    }
  });
}
template <class T, class E>
void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, const Operand<E>& out,
                       const Slopes* slopes = nullptr) {
  with_activation(x.act, [&](auto act) HWY_ATTR {
    if (slopes) {
      read_feature_rows<act(), true, T>(x, first, rows, from, to, out, *slopes);
    } else {
      read_feature_rows<act(), false, T>(x, first, rows, from, to, out, {});
    }
  });
}

/// Writes dy of rows [first, first + rows) to `out`, for panels [from, to) of its channels, placed likewise.
template <GradientForm kForm, Activation kAct, class T, class E>
HWY_NOINLINE void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& coefficients, int64_t first, int64_t rows,
                                     int64_t from, int64_t to, const Operand<E>& out) {
  const int64_t channels = dy.of.raw.c();
  const T* const raw = dy.of.raw.data<T>() + first * channels;
  const T* const stored = dy.stored.defined() ? dy.stored.data<T>() + first * channels : nullptr;
  for_samples(dy.of.raw, first, rows, [&](int64_t n, int64_t r_first, int64_t r_last) HWY_ATTR {
    const GradientSample sample = gradient_sample(dy, coefficients, n);
    for (int64_t panel = from; panel < to; ++panel) {
      const int64_t count = std::min(kPanel, channels - panel * kPanel);
      for_lanes(count, [&](auto d, int64_t i) HWY_ATTR {
        using Reader = GradientReader<kForm, decltype(d)>;
        const int64_t c = panel * kPanel + i;
        const Reader reader(d, sample, c);
        put_rows(d, out, panel - from, i, r_first, r_last, [&](int64_t r) HWY_ATTR {
          const int64_t at = r * channels + c;
          if (stored) __builtin_prefetch(stored + at + kRowsAhead * channels);
          if constexpr (Reader::kReadsRaw) __builtin_prefetch(raw + at + kRowsAhead * channels);
          return reader.template dy<kAct>(stored ? load(d, stored + at) : hn::Zero(d), Reader::kReadsRaw ? load(d, raw + at) : hn::Zero(d));
        });
      });
      pad_rows(out, panel - from, count, r_first, r_last);
    }
  });
}
template <class T, class E>
void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& coefficients, int64_t first, int64_t rows, int64_t from,
                        int64_t to, const Operand<E>& out) {
  with_gradient_form(
      dy, [&](auto form, auto act) HWY_ATTR { read_gradient_rows<form(), act(), T>(dy, coefficients, first, rows, from, to, out); });
}

/// The cache lines (lines_of()) of `rows` rows and `panels` panels of a map. Empty if the panels cover all channels: the rows are then one
/// run of memory.
template <class T>
std::vector<uint32_t> lines_of_rows(int64_t channels, int64_t rows, int64_t panels) {
  const int64_t size = sizeof(T);
  return panels * kPanel < channels ? lines_of(panels * kPanel * size, rows, channels * size) : std::vector<uint32_t>();
}
/// Requests rows from `first` on of a map, which may be absent, panels from `from` on; `lines` are lines_of_rows().
template <class T>
void expect_rows(const Tensor& map, int64_t first, int64_t rows, int64_t from, const std::vector<uint32_t>& lines, Ahead& ahead) {
  if (!map.defined()) return;
  const T* const start = map.data<T>() + first * map.c() + from * kPanel;
  if (lines.empty()) {
    ahead.add(start, rows * map.c() * static_cast<int64_t>(sizeof(T)));
  } else {
    ahead.add(start, lines);
  }
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
