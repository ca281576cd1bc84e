// Matrix product C (+)= A B on operands in panels (panels-inl.h) of fp32 or bf16, sums in fp32; per Highway target.
// A block of kBlock rows by kPanel columns of C stays in registers while k runs; the sum over k is cut so that a panel of B stays in
// the first-level cache (Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication").
// Next: panels-inl.h, the operands' form; ahead.h, prefetching.
#if defined(MCNN_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_GEMM_INL_H_
#undef MCNN_CPU_GEMM_INL_H_
#else
#define MCNN_CPU_GEMM_INL_H_
#endif

#include <cstring>

#include "kernels/cpu/products/ahead.h"
#include "kernels/cpu/products/panels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

/// k per pass over C: 144 x kPanel floats of B are at most 27 KiB. A multiple of every target's kPanel.
constexpr int64_t kDepth = 144;
static_assert(kDepth % kPanel == 0 && kDepth <= kMostAhead);

/// A vector of B: one element a lane in fp32, two neighbours along the depth in bf16.
template <class E>
HWY_INLINE hn::Vec<Wide> load_lanes(Wide d, const E* p) {
  return hn::LoadU(d, reinterpret_cast<const float*>(p));
}
/// An element of A, or two neighbours, in all lanes.
template <class E>
HWY_INLINE hn::Vec<Wide> repeat_lane(Wide d, const E* p) {
  float lane;
  std::memcpy(&lane, p, sizeof(lane));
  return hn::Set(d, lane);
}

/// One block: kRows x (kVectors*kLanes) of C. A(i,k) is read along a row, from panel to panel (`a_rows` apart), or, where A
/// is transposed, down one panel.
template <int kRows, int kVectors, bool kTransposed, class E>
HWY_NOINLINE void multiply_block(const E* HWY_RESTRICT a, int64_t a_rows, int64_t depth, const E* HWY_RESTRICT b, float* HWY_RESTRICT c,
                                 bool accumulate, Ahead::Lines ahead) {
  using V = hn::Vec<Wide>;
  constexpr int64_t kNeighbours = sizeof(float) / sizeof(E);
  const Wide d;
  V sum[kRows][kVectors];
  HWY_UNROLL(16)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(3)
    for (int v = 0; v < kVectors; ++v) sum[i][v] = accumulate ? hn::LoadU(d, c + i * kPanel + v * kLanes) : hn::Zero(d);
  }
  const int64_t run = kTransposed ? depth : kPanel;
  for (int64_t first = 0; first < depth; first += run, a += a_rows * kPanel) {
    const int64_t count = std::min(run, depth - first);
    for (int64_t k = 0; k < count; k += kNeighbours, b += kNeighbours * kPanel) {
      __builtin_prefetch(ahead.start + *ahead.offsets++, 0, 2);  // into the second level
      V right[kVectors];
      HWY_UNROLL(3)
      for (int v = 0; v < kVectors; ++v) right[v] = load_lanes(d, b + v * kNeighbours * kLanes);
      HWY_UNROLL(16)
      for (int i = 0; i < kRows; ++i) {
        const V left = repeat_lane(d, kTransposed ? a + k * kPanel + i * kNeighbours : a + i * kPanel + k);
        HWY_UNROLL(3)
        for (int v = 0; v < kVectors; ++v) sum[i][v] = multiply_add<E>(d, left, right[v], sum[i][v]);
      }
    }
  }
  HWY_UNROLL(16)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(3)
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[i][v], d, c + i * kPanel + v * kLanes);
  }
}

/// The widest block that `columns` fill; returns its rows, at most `rows`. A single vector of columns takes twice the rows, or
/// there would be too few sums to hide the latency of adding to one.
template <bool kTransposed, class E>
HWY_INLINE int64_t multiply_block(int64_t rows, int64_t columns, const E* a, int64_t a_rows, int64_t depth, const E* b, float* c,
                                  bool accumulate, Ahead& ahead) {
  const Ahead::Lines next = ahead.take(ceil_div(depth, static_cast<int64_t>(sizeof(float) / sizeof(E))));
  if (columns > 2 * kLanes) {
    multiply_block<kBlock, 3, kTransposed>(a, a_rows, depth, b, c, accumulate, next);
  } else if (columns > kLanes) {
    multiply_block<kBlock, 2, kTransposed>(a, a_rows, depth, b, c, accumulate, next);
  } else if (rows >= 2 * kBlock) {
    multiply_block<2 * kBlock, 1, kTransposed>(a, a_rows, depth, b, c, accumulate, next);
    return 2 * kBlock;
  } else {
    multiply_block<kBlock, 1, kTransposed>(a, a_rows, depth, b, c, accumulate, next);
  }
  return kBlock;
}

/// C (rows, columns) (+)= A (rows, depth) B, for the panels [first, last) of the columns; C starts at `first`, B at row b_row.
template <class E>
void multiply(const Panels<E>& a, int64_t rows, int64_t depth, const Panels<E>& b, int64_t b_row, int64_t columns, int64_t first,
              int64_t last, const Panels<float>& c, bool accumulate, Ahead& ahead) {
  for (int64_t k = 0; k < depth; k += kDepth) {
    const int64_t count = std::min(kDepth, depth - k);
    for (int64_t panel = first; panel < last; ++panel) {
      for (int64_t i = 0; i < rows;) {
        i += multiply_block<false>(round_up(rows - i, kBlock), columns - panel * kPanel, a.at(k / kPanel, i), a.rows, count,
                                   b.at(panel, b_row + k), c.at(panel - first, i), accumulate || k > 0, ahead);
      }
    }
  }
}

/// C (m, columns) (+)= A^T B, A (depth, m) and B (depth, columns), for the panels [first, last) of m and [b_first, b_last) of the
/// columns. A starts at panel `first`, B at b_first; C is whole.
template <class E>
void multiply_transposed(const Panels<E>& a, int64_t m, int64_t first, int64_t last, const Panels<E>& b, int64_t columns, int64_t b_first,
                         int64_t b_last, int64_t depth, const Panels<float>& c, bool accumulate, Ahead& ahead) {
  constexpr int64_t kNeighbours = sizeof(float) / sizeof(E);
  const int64_t cut = round_up(ceil_div(depth, ceil_div(depth, kDepth)), 4);
  for (int64_t panel = b_first; panel < b_last; ++panel) {
    for (int64_t k = 0; k < depth; k += cut) {
      const int64_t count = std::min(cut, depth - k);
      for (int64_t i = first * kPanel; i < std::min(m, last * kPanel);) {
        const int64_t in_panel = std::min(round_up(m - i, kBlock), kPanel - i % kPanel);
        i += multiply_block<true>(in_panel, columns - panel * kPanel, a.at(i / kPanel - first, k) + i % kPanel * kNeighbours, a.rows, count,
                                  b.at(panel - b_first, k), c.at(panel, i), accumulate || k > 0, ahead);
      }
    }
  }
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
