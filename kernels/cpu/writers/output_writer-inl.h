// Writes the output of a product: a panel is stored to the map, and its moments are taken while it is in cache; per Highway target.
// Used by pointwise_forward.cpp and dense.cpp.
#if defined(MCNN_CPU_OUTPUT_WRITER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_OUTPUT_WRITER_INL_H_
#undef MCNN_CPU_OUTPUT_WRITER_INL_H_
#else
#define MCNN_CPU_OUTPUT_WRITER_INL_H_
#endif

#include <type_traits>

#include "kernels/cpu/products/panels-inl.h"
#include "kernels/cpu/writers/moments.h"
#include "kernels/cpu/writers/streams.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// The epilogue of a forward product: stores one panel's rows to y (`stride` elements from row to row).
/// With moments also mean and m2 of the values as stored: the mean before rounding first, then the sums of deviations from it and of
/// their squares, which correct it.
template <bool kMoments, class T>
HWY_NOINLINE void write_output_rows(const float* panel, int64_t rows, int64_t channels, T* y, int64_t stride, bool stream, float* mean,
                                    float* m2) {
  for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    const auto value = [&](int64_t r) HWY_ATTR { return hn::LoadU(d, panel + r * kPanel + c); };
    const int64_t even_rows = rows / 2 * 2;
    const V per_row = hn::Set(d, 1.0f / static_cast<float>(rows));
    V centre = hn::Zero(d);
    if constexpr (kMoments) {
      V sum = hn::Zero(d), sum_odd = hn::Zero(d);
      for (int64_t r = 0; r < even_rows; r += 2) sum = hn::Add(sum, value(r)), sum_odd = hn::Add(sum_odd, value(r + 1));
      if (even_rows < rows) sum = hn::Add(sum, value(even_rows));
      centre = hn::Mul(hn::Add(sum, sum_odd), per_row);
    }
    V squares = hn::Zero(d), squares_odd = hn::Zero(d), deviations = hn::Zero(d);
    const auto finish = [&](int64_t r, V& sum) HWY_ATTR {
      const V deviation = hn::Sub(store_rounded(d, value(r), y + r * stride + c, stream), centre);
      if constexpr (kMoments) sum = hn::MulAdd(deviation, deviation, sum);
      if constexpr (kMoments && !std::is_same_v<T, float>) deviations = hn::Add(deviations, deviation);
    };
    for (int64_t r = 0; r < even_rows; r += 2) finish(r, squares), finish(r + 1, squares_odd);
    if (even_rows < rows) finish(even_rows, squares);
    if constexpr (kMoments) {
      const V shift = hn::Mul(deviations, per_row);
      hn::StoreU(hn::Add(centre, shift), d, mean + c);
      hn::StoreU(hn::NegMulAdd(deviations, shift, hn::Add(squares, squares_odd)), d, m2 + c);
    }
  });
}
/// For `rows` rows of y from `first` on, and a panel; their moments are added to a part that holds `before` rows.
/// `partial` may be null.
template <class T>
void write_output_rows(const float* y_panel, int64_t first, int64_t rows, int64_t panel, Tensor& y, PartialMoments* partial, int64_t part,
                       int64_t before) {
  const int64_t column = panel * kPanel, channels = std::min(kPanel, y.c() - column);
  T* const to = y.data<T>() + first * y.c() + column;
  if (!partial) return write_output_rows<false>(y_panel, rows, channels, to, y.c(), streams<T>(y, kPanel), nullptr, nullptr);
  float mean[kPanel], m2[kPanel];
  write_output_rows<true>(y_panel, rows, channels, to, y.c(), streams<T>(y, kPanel), mean, m2);
  partial->add(part, column, channels, before, rows, mean, m2);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
