// Feature maps as operands and results of matrix products (gemm-inl.h), per Highway target: rows r = (n,h,w) of a map are
// transformed into panels on the way in; on the way out a panel is stored and its moments are taken while it is in cache.
// Formulas: kernels/feature.h. Used by pointwise_*.cpp and dense.cpp.
#if defined(MCNN_CPU_MATRIX_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_MATRIX_ROWS_INL_H_
#undef MCNN_CPU_MATRIX_ROWS_INL_H_
#else
#define MCNN_CPU_MATRIX_ROWS_INL_H_
#endif

#include <type_traits>

#include "kernels/cpu/feature-inl.h"
#include "kernels/cpu/products/gemm-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"
#include "kernels/cpu/writers/moments.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Calls with_rows(n, r, last) for each sample n that rows [first, first + rows) touch: its rows are first + [r, last).
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

// Both readers take a vector of channels down all rows of a sample, so that the channels' coefficients stay in registers.
// Where no product ran before to fetch the rows (Ahead), they are asked for so many rows early.
constexpr int64_t kRowsAhead = 32;

/// a = act(u) and act'(u) of a piece of a feature, in panels: kept from the reading of z for the completion of dz.
struct Slopes {
  Panels a, slope;
};

/// z of rows [first, first + rows) of x, panels [from, to) of its channels; `out` starts at panel `from`. `slopes` likewise, if
/// kSlopes.
template <Activation kAct, bool kSlopes, class T>
HWY_NOINLINE void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, Panels out,
                                    const Slopes& slopes) {
  const int64_t channels = x.raw.c();
  const T* const data = x.raw.data<T>() + first * channels;
  for_samples(x.raw, first, rows, [&](int64_t n, int64_t r_first, int64_t r_last) HWY_ATTR {
    const FeatureRow row = feature_row(x, n, 0);
    for (int64_t panel = from; panel < to; ++panel) {
      for_lanes(std::min(kPanel, channels - panel * kPanel), [&](auto d, int64_t i) HWY_ATTR {
        const int64_t c = panel * kPanel + i;
        const auto scale = row.scale ? hn::LoadU(d, row.scale + c) : hn::Set(d, 1.0f);
        const auto shift = row.scale ? hn::LoadU(d, row.shift + c) : hn::Zero(d);
        const auto gate = row.gate ? hn::LoadU(d, row.gate + c) : hn::Set(d, 1.0f);
        const T* raw = data + r_first * channels + c;
        float* const z = out.at(panel - from, r_first) + i;
        float* const a_out = kSlopes ? slopes.a.at(panel - from, r_first) + i : nullptr;
        float* const slope_out = kSlopes ? slopes.slope.at(panel - from, r_first) + i : nullptr;
        for (int64_t at = 0; at < (r_last - r_first) * kPanel; at += kPanel, raw += channels) {
          __builtin_prefetch(raw + kRowsAhead * channels);
          const auto u = hn::MulAdd(scale, load(d, raw), shift);
          if constexpr (kSlopes) {
            hn::Vec<decltype(d)> a, slope;
            activate_with_slope<kAct>(d, u, a, slope);
            hn::StoreU(hn::Mul(a, gate), d, z + at);
            hn::StoreU(a, d, a_out + at);
            hn::StoreU(slope, d, slope_out + at);
          } else {
            hn::StoreU(hn::Mul(activate<kAct>(d, u), gate), d, z + at);
          }
        }
      });
    }
  });
}
template <class T>
void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, Panels out) {
  with_activation(x.act, [&](auto act) HWY_ATTR { read_feature_rows<act(), false, T>(x, first, rows, from, to, out, {}); });
}
template <class T>
void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, Panels out, const Slopes& slopes) {
  with_activation(x.act, [&](auto act) HWY_ATTR { read_feature_rows<act(), true, T>(x, first, rows, from, to, out, slopes); });
}

/// dy of rows of a convolution's output, in the same way. kCentred: the batch's statistics enter.
template <bool kCentred, class T>
HWY_NOINLINE void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& folded, int64_t first, int64_t rows,
                                     int64_t from, int64_t to, Panels out) {
  const int64_t channels = dy.of.raw.c();
  const T* const raw_data = dy.of.raw.data<T>() + first * channels;
  const T* const stored_data = dy.stored.data<T>() + first * channels;
  for_samples(dy.of.raw, first, rows, [&](int64_t n, int64_t r_first, int64_t r_last) HWY_ATTR {
    const GradientRow row = gradient_row(dy, folded, n, 0);
    for (int64_t panel = from; panel < to; ++panel) {
      for_lanes(std::min(kPanel, channels - panel * kPanel), [&](auto d, int64_t i) HWY_ATTR {
        const int64_t c = panel * kPanel + i;
        auto scale = hn::Set(d, row.sample_scale);
        if (row.of.scale) scale = hn::Mul(scale, hn::LoadU(d, row.of.scale + c));
        const auto centre = kCentred ? hn::LoadU(d, row.centre + c) : hn::Zero(d);
        const auto slope_xhat = kCentred ? hn::LoadU(d, row.slope_xhat + c) : hn::Zero(d);
        const auto mean = kCentred ? hn::LoadU(d, row.mean + c) : hn::Zero(d);
        const T* stored = stored_data + r_first * channels + c;
        const T* raw = raw_data + r_first * channels + c;
        float* to_row = out.at(panel - from, r_first) + i;
        for (int64_t r = r_first; r < r_last; ++r, stored += channels, raw += channels, to_row += kPanel) {
          __builtin_prefetch(stored + kRowsAhead * channels);
          if constexpr (kCentred) __builtin_prefetch(raw + kRowsAhead * channels);
          auto v = hn::Mul(load(d, stored), scale);
          if constexpr (kCentred) v = hn::NegMulAdd(slope_xhat, hn::Sub(load(d, raw), mean), hn::Sub(v, centre));
          hn::StoreU(v, d, to_row);
        }
      });
    }
  });
}
/// Where du is formed through act'.
template <Activation kAct, class T>
HWY_NOINLINE void read_gradient_rows_through(const OutputGradient& dy, const GradientCoefficients& folded, int64_t first, int64_t rows,
                                             int64_t from, int64_t to, Panels out) {
  const int64_t channels = dy.of.raw.c();
  const T* const raw_data = dy.of.raw.data<T>() + first * channels;
  const T* const stored_data = dy.stored.defined() ? dy.stored.data<T>() + first * channels : nullptr;
  for_samples(dy.of.raw, first, rows, [&](int64_t n, int64_t r_first, int64_t r_last) HWY_ATTR {
    const GradientRow row = gradient_row(dy, folded, n, 0);
    for (int64_t r = r_first; r < r_last; ++r) {
      const T* const raw = raw_data + r * channels;
      const T* const stored = stored_data ? stored_data + r * channels : nullptr;
      for (int64_t panel = from; panel < to; ++panel) {
        for_lanes(std::min(kPanel, channels - panel * kPanel), [&](auto d, int64_t i) HWY_ATTR {
          hn::StoreU(read_gradient_vector<kAct>(d, stored, raw, row, panel * kPanel + i), d, out.at(panel - from, r) + i);
        });
      }
    }
  });
}
template <class T>
void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& folded, int64_t first, int64_t rows, int64_t from, int64_t to,
                        Panels out) {
  if (dy.through_act) {
    with_activation(dy.of.act, [&](auto act) HWY_ATTR { read_gradient_rows_through<act(), T>(dy, folded, first, rows, from, to, out); });
  } else if (folded.centre.empty()) {
    read_gradient_rows<false, T>(dy, folded, first, rows, from, to, out);
  } else {
    read_gradient_rows<true, T>(dy, folded, first, rows, from, to, out);
  }
}

/// lines_of() `rows` rows of `panels` panels of a map; empty where that is all of its channels, and the rows are one run.
template <class T>
std::vector<uint32_t> lines_of_rows(int64_t channels, int64_t rows, int64_t panels) {
  const int64_t size = sizeof(T);
  return panels * kPanel < channels ? lines_of(panels * kPanel * size, rows, channels * size) : std::vector<uint32_t>();
}
/// Asks for rows from `first` on of a map, which may be absent, panels from `from` on; `lines` are lines_of_rows().
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

/// A map larger than this is out of cache before its reader comes: it is written past the caches, which saves reading the
/// lines that are written over.
constexpr int64_t kStreamBytes = 16 << 20;

/// Whether rows of `map` may be stored by store_past: whole lines, at every panel's start.
template <class T>
bool streams(const Tensor& map) {
  return std::is_same_v<T, float> && kPanel * sizeof(T) % 64 == 0 && static_cast<int64_t>(map.bytes()) > kStreamBytes &&
         map.c() * sizeof(T) % 64 == 0 && reinterpret_cast<std::uintptr_t>(map.raw()) % 64 == 0;
}

template <class D, class T>
HWY_INLINE void store_row(D d, hn::Vec<D> v, T* to, bool stream) {
  if constexpr (std::is_same_v<T, float>) {
    if (stream) return hn::Stream(v, d, to);
  }
  store(d, v, to);
}

/// The epilogue of a forward product: stores one panel's rows to y (`stride` elements from row to row).
/// With moments also mean and m2 of the values as stored: the mean first, then the squares about it.
template <bool kMoments, class T>
HWY_NOINLINE void store_output(const float* panel, int64_t rows, int64_t channels, T* y, int64_t stride, bool stream, float* mean,
                               float* m2) {
  const T* const storage = nullptr;
  for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const auto value = [&](int64_t r) HWY_ATTR { return as_stored(d, hn::LoadU(d, panel + r * kPanel + c), storage); };
    const int64_t even_rows = rows / 2 * 2;
    V centre = hn::Zero(d);
    if constexpr (kMoments) {
      V sum = hn::Zero(d), sum_odd = hn::Zero(d);
      for (int64_t r = 0; r < even_rows; r += 2) sum = hn::Add(sum, value(r)), sum_odd = hn::Add(sum_odd, value(r + 1));
      if (even_rows < rows) sum = hn::Add(sum, value(even_rows));
      centre = hn::Mul(hn::Add(sum, sum_odd), hn::Set(d, 1.0f / static_cast<float>(rows)));
      hn::StoreU(centre, d, mean + c);
    }
    V squares = hn::Zero(d), squares_odd = hn::Zero(d);
    const auto finish = [&](int64_t r, V& sum) HWY_ATTR {
      const V v = value(r), from_centre = hn::Sub(v, centre);
      store_row(d, v, y + r * stride + c, stream);
      if constexpr (kMoments) sum = hn::MulAdd(from_centre, from_centre, sum);
    };
    for (int64_t r = 0; r < even_rows; r += 2) finish(r, squares), finish(r + 1, squares_odd);
    if (even_rows < rows) finish(even_rows, squares);
    if constexpr (kMoments) hn::StoreU(hn::Add(squares, squares_odd), d, m2 + c);
  });
}
/// For `rows` rows of y from `first` on, and a panel; their moments are added to a part that holds `before` rows.
/// `partial` may be null.
template <class T>
void store_output(const float* y_panel, int64_t first, int64_t rows, int64_t panel, Tensor& y, PartialMoments* partial, int64_t part,
                  int64_t before) {
  const int64_t column = panel * kPanel, channels = std::min(kPanel, y.c() - column);
  T* const to = y.data<T>() + first * y.c() + column;
  if (!partial) return store_output<false>(y_panel, rows, channels, to, y.c(), streams<T>(y), nullptr, nullptr);
  float mean[kPanel], m2[kPanel];
  store_output<true>(y_panel, rows, channels, to, y.c(), streams<T>(y), mean, m2);
  partial->add(part, column, channels, before, rows, mean, m2);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
