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
#include "kernels/cpu/gemm-inl.h"
#include "kernels/cpu/lanes-inl.h"
#include "kernels/cpu/moments.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// Calls with_act(std::integral_constant<Activation, act>).
template <class WithAct>
HWY_INLINE void for_activation(Activation act, const WithAct& with_act) {
  switch (act) {
    case Activation::identity: return with_act(std::integral_constant<Activation, Activation::identity>());
    case Activation::swish: return with_act(std::integral_constant<Activation, Activation::swish>());
    case Activation::relu6: return with_act(std::integral_constant<Activation, Activation::relu6>());
  }
}

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

/// z of rows [first, first + rows) of x, panels [from, to) of its channels.
template <Activation kAct, class T>
HWY_NOINLINE void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, Panels out) {
  const T* const data = x.raw.data<T>();
  const int64_t channels = x.raw.c();
  for_samples(x.raw, first, rows, [&](int64_t n, int64_t r, int64_t last) HWY_ATTR {
    const FeatureRow row = feature_row(x, n, 0);
    for (; r < last; ++r) {
      const T* const raw = data + (first + r) * channels;
      for (int64_t panel = from; panel < to; ++panel) {
        const int64_t c = panel * kPanel;
        float* const z = out.at(panel, r);
        for_lanes(std::min(kPanel, channels - c),
                  [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(read_vector<kAct>(d, raw, row, c + i), d, z + i); });
      }
    }
  });
}
template <class T>
void read_feature_rows(const Feature& x, int64_t first, int64_t rows, int64_t from, int64_t to, Panels out) {
  for_activation(x.act, [&](auto act) HWY_ATTR { read_feature_rows<act(), T>(x, first, rows, from, to, out); });
}

/// dy of the same rows of a convolution's output, all channels.
template <Activation kAct, class T>
HWY_NOINLINE void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& folded, int64_t first, int64_t rows,
                                     Panels out) {
  const T* const raw_data = dy.of->raw.data<T>();
  const T* const stored_data = dy.stored.data<T>();
  const int64_t channels = dy.of->raw.c(), panel_total = panel_count(channels);
  for_samples(dy.of->raw, first, rows, [&](int64_t n, int64_t r, int64_t last) HWY_ATTR {
    const GradientRow row = gradient_row(dy, folded, n, 0);
    for (; r < last; ++r) {
      const T* const raw = raw_data + (first + r) * channels;
      const T* const stored = stored_data ? stored_data + (first + r) * channels : nullptr;
      for (int64_t panel = 0; panel < panel_total; ++panel) {
        const int64_t c = panel * kPanel;
        float* const to = out.at(panel, r);
        for_lanes(std::min(kPanel, channels - c),
                  [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(read_gradient_vector<kAct>(d, stored, raw, row, c + i), d, to + i); });
      }
    }
  });
}
template <class T>
void read_gradient_rows(const OutputGradient& dy, const GradientCoefficients& folded, int64_t first, int64_t rows, Panels out) {
  // Without a gate or a pooling behind it the activation does not enter dy.
  for_activation(dy.pooled.defined() ? dy.of->act : Activation::identity,
                 [&](auto act) HWY_ATTR { read_gradient_rows<act(), T>(dy, folded, first, rows, out); });
}

/// Stores one panel's rows to y (`stride` elements from row to row).
template <class T>
HWY_NOINLINE void store_rows(const float* panel, int64_t rows, int64_t channels, T* y, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR { store(d, hn::LoadU(d, panel + r * kPanel + c), y + r * stride + c); });
  }
}

/// Mean and m2 over the rows of one panel, of the values as stored: the mean first, then the squares about it.
template <class T>
HWY_NOINLINE void panel_moments(const float* panel, int64_t rows, int64_t channels, float* mean, float* m2) {
  const T* const storage = nullptr;
  for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
    const auto value = [&](int64_t r) HWY_ATTR { return as_stored(d, hn::LoadU(d, panel + r * kPanel + c), storage); };
    auto sum = hn::Zero(d), sum_odd = hn::Zero(d);
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) sum = hn::Add(sum, value(r)), sum_odd = hn::Add(sum_odd, value(r + 1));
    if (r < rows) sum = hn::Add(sum, value(r));
    const auto centre = hn::Mul(hn::Add(sum, sum_odd), hn::Set(d, 1.0f / static_cast<float>(rows)));
    auto squares = hn::Zero(d), squares_odd = hn::Zero(d);
    for (r = 0; r + 2 <= rows; r += 2) {
      const auto even = hn::Sub(value(r), centre), odd = hn::Sub(value(r + 1), centre);
      squares = hn::MulAdd(even, even, squares), squares_odd = hn::MulAdd(odd, odd, squares_odd);
    }
    if (r < rows) squares = hn::MulAdd(hn::Sub(value(r), centre), hn::Sub(value(r), centre), squares);
    hn::StoreU(centre, d, mean + c);
    hn::StoreU(hn::Add(squares, squares_odd), d, m2 + c);
  });
}

/// The epilogue of a forward product: stores channels [c, c + channels) of `rows` rows, and adds their moments to a part that
/// holds `before` rows. `partial` may be null.
template <class T>
void store_output(const float* panel, int64_t rows, int64_t channels, T* y, int64_t stride, PartialMoments* partial, int64_t part,
                  int64_t before, int64_t c) {
  store_rows(panel, rows, channels, y, stride);
  if (!partial) return;
  float mean[kPanel], m2[kPanel];
  panel_moments<T>(panel, rows, channels, mean, m2);
  partial->add(part, c, channels, before, rows, mean, m2);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
