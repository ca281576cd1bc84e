// Matrix product in fp32, C (+)= A B, on operands in panels; per Highway target, included by the kernels that multiply.
// A matrix (rows, columns) in panels stands as blocks of kPanel columns, each block row by row (rows, kPanel): the same
// form serves as A, as A transposed, as B and as C, every access runs through memory in order, and the transform that
// makes an operand writes it in this form at no extra cost. Columns beyond the matrix and rows up to a multiple of
// kBlock are room for whole vectors: they hold anything, and what is computed from them is not used.
// Idea: a block of kBlock rows by kPanel columns of C stays in registers while k runs; the sum over k is cut so that a
// panel of B stays in the first-level cache (Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication").
#if defined(MCNN_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_GEMM_INL_H_
#undef MCNN_CPU_GEMM_INL_H_
#else
#define MCNN_CPU_GEMM_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/feature-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Wide()));
/// Accumulators: 8 x 3 vectors of AVX-512's 32 registers, 4 x 3 of the 16 that others have.
constexpr int64_t kPanel = 3 * kLanes;
constexpr int64_t kBlock = HWY_MAX_BYTES >= 64 ? 8 : kLanes > 1 ? 4 : 3;
static_assert(kPanel % kBlock == 0);  // a block of a transposed A lies within a panel
/// k per pass over C: 144 x kPanel floats of B are at most 27 KiB. A multiple of every target's kPanel.
constexpr int64_t kDepth = 144;

constexpr int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int64_t ceil_div(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

/// A matrix in panels. `rows` is the distance between panels in rows: a multiple of kBlock where the matrix is an A or a C.
struct Panels {
  float* data = nullptr;
  int64_t rows = 0;
  float* at(int64_t panel, int64_t row = 0) const { return data + (panel * rows + row) * kPanel; }
};
constexpr int64_t panel_count(int64_t columns) { return ceil_div(columns, kPanel); }
constexpr std::size_t panels_size(int64_t rows, int64_t columns) {
  return static_cast<std::size_t>(round_up(rows, kBlock) * panel_count(columns) * kPanel);
}
inline Panels panels(float* data, int64_t rows) { return {data, round_up(rows, kBlock)}; }

/// Where the cache lines of a piece of memory lie, counted from its start: `rows` runs of `bytes`, `stride` bytes apart.
/// Ends with kDepth repetitions, so that as many can be asked for at any place.
inline std::vector<uint32_t> lines_of(int64_t bytes, int64_t rows, int64_t stride) {
  std::vector<uint32_t> lines;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t at = 0; at < bytes; at += 64) lines.push_back(static_cast<uint32_t>(r * stride + at));
  }
  lines.resize(lines.size() + kDepth, lines.back());
  return lines;
}

/// Memory that will be wanted soon. Products ask for one line with every step of k, as they go: reading a tile from memory
/// takes about as long as multiplying it, and the two overlap.
class Ahead {
 public:
  struct Lines {
    const char* start;
    const uint32_t* offsets;
  };
  void clear() { pieces_ = next_ = 0; }
  /// A piece whose lines_of() are given, and must stay; or `bytes` bytes in one run.
  void add(const void* start, const std::vector<uint32_t>& lines) {
    piece_[pieces_++] = {{static_cast<const char*>(start), lines.data()}, static_cast<int64_t>(lines.size()) - kDepth, 1, 0};
  }
  void add(const void* start, int64_t bytes) {
    static const std::vector<uint32_t> run = lines_of(64 * kDepth, 1, 0);
    piece_[pieces_++] = {{static_cast<const char*>(start), run.data()}, ceil_div(bytes, 64), 0, 64};
  }
  /// The next `count` lines, at most kDepth; when none are left, one that is in cache.
  Lines take(int64_t count) {
    static const std::vector<uint32_t> nothing(kDepth, 0);
    while (next_ < pieces_ && piece_[next_].left <= 0) ++next_;
    if (next_ == pieces_) return {reinterpret_cast<const char*>(this), nothing.data()};
    Piece& piece = piece_[next_];
    const Lines taken = piece.lines;
    piece.lines.offsets += count * piece.step;
    piece.lines.start += count * piece.start_step;
    piece.left -= count;
    return taken;
  }

 private:
  struct Piece {
    Lines lines;
    int64_t left;              // lines not asked for
    int64_t step, start_step;  // per line, through the offsets or through memory
  };
  Piece piece_[4];
  std::size_t pieces_ = 0, next_ = 0;
};

/// One block: kRows x (kVectors*kLanes) of C. A(i,k) is read along a row, from panel to panel (`a_rows` apart), or, where A
/// is transposed, down one panel.
template <int kRows, int kVectors, bool kTransposed>
HWY_NOINLINE void multiply_block(const float* HWY_RESTRICT a, int64_t a_rows, int64_t depth, const float* HWY_RESTRICT b,
                                 float* HWY_RESTRICT c, bool accumulate, Ahead::Lines ahead) {
  using V = hn::Vec<Wide>;
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
    for (int64_t k = 0; k < count; ++k, b += kPanel) {
      __builtin_prefetch(ahead.start + *ahead.offsets++, 0, 2);  // into the second level
      V right[kVectors];
      HWY_UNROLL(3)
      for (int v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * kLanes);
      HWY_UNROLL(16)
      for (int i = 0; i < kRows; ++i) {
        const V left = hn::Set(d, kTransposed ? a[k * kPanel + i] : a[i * kPanel + k]);
        HWY_UNROLL(3)
        for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::MulAdd(left, right[v], sum[i][v]);
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
template <bool kTransposed>
HWY_INLINE int64_t multiply_block(int64_t rows, int64_t columns, const float* a, int64_t a_rows, int64_t depth, const float* b, float* c,
                                  bool accumulate, Ahead& ahead) {
  const Ahead::Lines next = ahead.take(depth);
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
inline void multiply(Panels a, int64_t rows, int64_t depth, Panels b, int64_t b_row, int64_t columns, int64_t first, int64_t last, Panels c,
                     bool accumulate, Ahead& ahead) {
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
inline void multiply_transposed(Panels a, int64_t m, int64_t first, int64_t last, Panels b, int64_t columns, int64_t b_first,
                                int64_t b_last, int64_t depth, Panels c, bool accumulate, Ahead& ahead) {
  const int64_t cut = round_up(ceil_div(depth, ceil_div(depth, kDepth)), 4);
  for (int64_t panel = b_first; panel < b_last; ++panel) {
    for (int64_t k = 0; k < depth; k += cut) {
      const int64_t count = std::min(cut, depth - k);
      for (int64_t i = first * kPanel; i < std::min(m, last * kPanel);) {
        const int64_t in_panel = std::min(round_up(m - i, kBlock), kPanel - i % kPanel);
        i += multiply_block<true>(in_panel, columns - panel * kPanel, a.at(i / kPanel - first, k) + i % kPanel, a.rows, count,
                                  b.at(panel - b_first, k), c.at(panel, i), accumulate || k > 0, ahead);
      }
    }
  }
}

/// One panel of a row-major matrix (rows, columns).
inline void pack(const float* matrix, int64_t rows, int64_t columns, int64_t panel, Panels out) {
  const int64_t first = panel * kPanel, count = std::min(kPanel, columns - first);
  for (int64_t r = 0; r < rows; ++r) std::copy_n(matrix + r * columns + first, count, out.at(panel, r));
}
/// One panel of its transpose (columns, rows).
inline void pack_transposed(const float* matrix, int64_t rows, int64_t columns, int64_t panel, Panels out) {
  const int64_t first = panel * kPanel, count = std::min(kPanel, rows - first);
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < count; ++r) out.at(panel, c)[r] = matrix[(first + r) * columns + c];
  }
}

/// The sum of `parts` matrices in panels, which stand one after the other, in order, into a row-major one.
inline void merge_parts(const float* first_part, int64_t parts, int64_t rows, int64_t columns, float* out, int threads) {
  const auto size = static_cast<int64_t>(panels_size(rows, columns));
  const int64_t run = 32, runs = ceil_div(rows, run);  // rows that a thread takes of one panel
  parallel_for(threads, runs * panel_count(columns), [&](int64_t unit) HWY_ATTR {
    const int64_t panel = unit / runs, column = panel * kPanel;
    for (int64_t r = unit % runs * run; r < std::min(rows, (unit % runs + 1) * run); ++r) {
      const float* const from = first_part + (panel * round_up(rows, kBlock) + r) * kPanel;
      for_lanes(std::min(kPanel, columns - column), [&](auto d, int64_t i) HWY_ATTR {
        auto sum = hn::LoadU(d, from + i);
        for (int64_t part = 1; part < parts; ++part) sum = hn::Add(sum, hn::LoadU(d, from + part * size + i));
        hn::StoreU(sum, d, out + r * columns + column + i);
      });
    }
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
