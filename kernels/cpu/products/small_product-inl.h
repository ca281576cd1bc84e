// Products of small fp32 matrices in place, per Highway target: squeeze-excite's and the head's. Their weights are read once or twice per
// call, so packing them into panels (gemm-inl.h) would cost as much as the product.
#ifndef MCNN_CPU_SMALL_PRODUCT_ONCE_
#define MCNN_CPU_SMALL_PRODUCT_ONCE_
#include <cstdint>

namespace mcnn::cpu {

/// A factor read in place or transposed: element (i,k) at data[i*row + k*step].
struct Factor {
  const float* data;
  int64_t row, step;
};

/// Rows of the result that one pass computes: a value of b is loaded once for them. A thread's share of the rows is a multiple of it.
constexpr int64_t kSmallProductRows = 4;

}  // namespace mcnn::cpu
#endif

#if defined(MCNN_CPU_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_SMALL_PRODUCT_INL_H_
#undef MCNN_CPU_SMALL_PRODUCT_INL_H_
#else
#define MCNN_CPU_SMALL_PRODUCT_INL_H_
#endif

#include <algorithm>

#include "kernels/cpu/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// out[i*out_row + j] = sum_k a(i,k) * b[k*b_row + j]   for kRows rows i and `columns` columns j, k < depth.
/// Sums of at most 64 products are added up, so that the rounding error does not grow with depth (C to thousands).
template <int kRows>
HWY_INLINE void multiply_rows(const Factor& a, const float* b, int64_t b_row, int64_t depth, int64_t columns, float* out, int64_t out_row) {
  constexpr int64_t kRun = 64;
  for_lanes(columns, [&](auto d, int64_t j) HWY_ATTR {
    hn::Vec<decltype(d)> total[kRows];
    for (int i = 0; i < kRows; ++i) total[i] = hn::Zero(d);
    for (int64_t first = 0; first < depth; first += kRun) {
      hn::Vec<decltype(d)> sum[kRows];
      for (int i = 0; i < kRows; ++i) sum[i] = hn::Zero(d);
      for (int64_t k = first; k < std::min(first + kRun, depth); ++k) {
        const auto factor = hn::LoadU(d, b + k * b_row + j);
        for (int i = 0; i < kRows; ++i) sum[i] = hn::MulAdd(hn::Set(d, a.data[i * a.row + k * a.step]), factor, sum[i]);
      }
      for (int i = 0; i < kRows; ++i) total[i] = hn::Add(total[i], sum[i]);
    }
    for (int i = 0; i < kRows; ++i) hn::StoreU(total[i], d, out + i * out_row + j);
  });
}

inline void multiply(const Factor& a, const float* b, int64_t b_row, int64_t rows, int64_t depth, int64_t columns, float* out,
                     int64_t out_row) {
  int64_t i = 0;
  for (; i + kSmallProductRows <= rows; i += kSmallProductRows)
    multiply_rows<kSmallProductRows>({a.data + i * a.row, a.row, a.step}, b, b_row, depth, columns, out + i * out_row, out_row);
  for (; i < rows; ++i) multiply_rows<1>({a.data + i * a.row, a.row, a.step}, b, b_row, depth, columns, out + i * out_row, out_row);
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
