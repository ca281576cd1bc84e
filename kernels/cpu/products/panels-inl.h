// The memory layout of matrix products' operands and results, per Highway target.
// A panel is kPanel columns of a matrix, stored row by row; panels follow each other. The last panel is filled up to kPanel columns, and
// each panel to a multiple of kBlock rows. This padding may hold anything: results from it are not used.
//   fp32   (rows, kPanel): one form serves as A, as A transposed, as B and as C; every access runs through memory in order
//   bf16   the depth is the axis that a product sums over (k). The processor multiplies two neighbours along it at once, so they
//          must lie together:
//          rows   (rows, kPanel)          A, whose depth is its columns
//          pairs  (rows/2, kPanel, 2)     B and A transposed, whose depth is their rows
//          Where the depth is odd its last neighbour is 0. C is fp32.
// Next: gemm-inl.h multiplies; readers/panel_rows-inl.h fills panels from feature maps.
#if defined(MCNN_CPU_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MCNN_CPU_PANELS_INL_H_
#undef MCNN_CPU_PANELS_INL_H_
#else
#define MCNN_CPU_PANELS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/rounding.h"
#include "kernels/cpu/simd/bf16_dot-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"
#include "kernels/cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Wide()));
/// A product keeps kBlock rows by kPanel columns of sums in registers: 8 x 3 vectors of AVX-512's 32 registers, 4 x 3 of the 16 that
/// others have. Without vectors kPanel is 3, and so is kBlock.
constexpr int64_t kPanel = 3 * kLanes;
constexpr int64_t kBlock = HWY_MAX_BYTES >= 64 ? 8 : kLanes > 1 ? 4 : 3;
static_assert(kPanel % kBlock == 0);  // a block of a transposed A lies within a panel

/// A matrix in panels of elements E, float or bf16. `rows` is the distance between panels in rows, a multiple of kBlock.
template <class E>
struct Panels {
  E* data = nullptr;
  int64_t rows = 0;
  /// Start of a panel's row. In the pairs form, `row` must be even.
  E* at(int64_t panel, int64_t row = 0) const { return data + (panel * rows + row) * kPanel; }
};
constexpr int64_t panel_count(int64_t columns) { return ceil_div(columns, kPanel); }
/// Memory of a matrix in panels, in floats.
template <class E>
constexpr std::size_t panel_floats(int64_t rows, int64_t columns) {
  return static_cast<std::size_t>(round_up(rows, kBlock) * panel_count(columns) * kPanel) * sizeof(E) / sizeof(float);
}
template <class E>
Panels<E> panels(float* memory, int64_t rows) {
  return {reinterpret_cast<E*>(memory), round_up(rows, kBlock)};
}

/// Where the rows of an operand are written: as `rows`, as `pairs`, or both. A null form is not written. fp32 has only `rows`.
template <class E>
struct Operand {
  Panels<E> rows, pairs;
  Operand at(int64_t panel) const {
    return {{rows.data ? rows.at(panel) : nullptr, rows.rows}, {pairs.data ? pairs.at(panel) : nullptr, pairs.rows}};
  }
  /// As B or A transposed: the depth is the rows.
  const Panels<E>& transposed() const { return std::is_same_v<E, bf16> ? pairs : rows; }
};
/// An operand in one form alone: A, or what transposed() returns.
template <class E>
Operand<E> left_operand(const Panels<E>& rows) {
  return {rows, {}};
}
template <class E>
Operand<E> transposed_operand(const Panels<E>& panels) {
  return std::is_same_v<E, bf16> ? Operand<E>{{}, panels} : Operand<E>{panels, {}};
}
/// An operand in both forms, in `memory` of operand_floats().
template <class E>
constexpr std::size_t operand_floats(int64_t rows, int64_t columns) {
  return panel_floats<float>(rows, columns);
}
template <class E>
Operand<E> operand(float* memory, int64_t rows, int64_t columns) {
  const Panels<E> first = panels<E>(memory, rows);
  return std::is_same_v<E, bf16> ? Operand<E>{first, panels<E>(memory + panel_floats<E>(rows, columns), rows)} : Operand<E>{first, {}};
}

/// Writes the vector v to row r of a panel, from its column i on.
template <class D>
HWY_INLINE void put_row(D d, hn::Vec<D> v, const Operand<float>& out, int64_t panel, int64_t r, int64_t i) {
  hn::StoreU(v, d, out.rows.at(panel, r) + i);
}
/// Write row r before row r + 1 (r even): row r sets its neighbour's place to 0, and row r + 1 fills it. With an odd depth the 0
/// remains.
template <class D>
HWY_INLINE void put_row(D d, hn::Vec<D> v, const Operand<bf16>& out, int64_t panel, int64_t r, int64_t i) {
  const hn::RebindToUnsigned<D> word;
  if (out.rows.data) store(d, v, out.rows.at(panel, r) + i);
  if (!out.pairs.data) return;
  auto* const pair = reinterpret_cast<uint32_t*>(out.pairs.at(panel, r / 2 * 2) + 2 * i);
  const auto bits = bf16_bits(d, v);
  hn::StoreU(r % 2 == 0 ? bits : hn::Or(hn::LoadU(word, pair), hn::ShiftLeft<16>(bits)), word, pair);
}
/// Rows r and r + 1, r even.
template <class D>
HWY_INLINE void put_two_rows(D d, hn::Vec<D> v0, hn::Vec<D> v1, const Operand<bf16>& out, int64_t panel, int64_t r, int64_t i) {
  if (out.rows.data) store_two_bf16(d, v0, v1, out.rows.at(panel, r) + i, out.rows.at(panel, r + 1) + i);
  if (out.pairs.data) store_bf16_pairs(d, v0, v1, out.pairs.at(panel, r) + 2 * i);
}

/// Writes value(r), r in [first, last), to the columns from i on of a panel.
template <class E, class D, class Value>
HWY_INLINE void put_rows(D d, const Operand<E>& out, int64_t panel, int64_t i, int64_t first, int64_t last, const Value& value) {
  int64_t r = first;
  if constexpr (std::is_same_v<E, bf16>) {
    if (r % 2 != 0 && r < last) put_row(d, value(r), out, panel, r, i), ++r;
    for (; r + 1 < last; r += 2) {
      const auto v0 = value(r), v1 = value(r + 1);
      put_two_rows(d, v0, v1, out, panel, r, i);
    }
  }
  for (; r < last; ++r) put_row(d, value(r), out, panel, r, i);
}
/// Sets the neighbour of an odd last column to 0, in rows [first, last). Called where a panel's columns end.
template <class E>
void pad_rows(const Operand<E>& out, int64_t panel, int64_t columns, int64_t first, int64_t last) {
  if constexpr (std::is_same_v<E, bf16>) {
    if (columns % 2 == 0 || !out.rows.data) return;
    for (int64_t r = first; r < last; ++r) out.rows.at(panel, r)[columns] = bf16();
  }
}

/// Weights as a right operand: one panel of a row-major matrix (rows, columns) in the storage type T.
template <class T, class E>
void pack(const T* matrix, int64_t rows, int64_t columns, int64_t panel, const Panels<E>& out) {
  const int64_t first = panel * kPanel;
  const Operand<E> to = transposed_operand(out);
  for_lanes(std::min(kPanel, columns - first), [&](auto d, int64_t i) HWY_ATTR {
    put_rows(d, to, panel, i, 0, rows, [&](int64_t r) HWY_ATTR { return load(d, matrix + r * columns + first + i); });
  });
}
/// One panel of its transpose (columns, rows).
template <class T, class E>
void pack_transposed(const T* matrix, int64_t rows, int64_t columns, int64_t panel, const Panels<E>& out) {
  const int64_t first = panel * kPanel, count = std::min(kPanel, rows - first);
  constexpr int64_t kNeighbours = sizeof(float) / sizeof(E);
  for (int64_t c = 0; c < columns; ++c) {
    E* const to = out.at(panel, c / kNeighbours * kNeighbours);
    for (int64_t r = 0; r < count; ++r) {
      to[r * kNeighbours + c % kNeighbours] = static_cast<E>(static_cast<float>(matrix[(first + r) * columns + c]));
      if (kNeighbours == 2 && c + 1 == columns && c % 2 == 0) to[r * kNeighbours + 1] = E();
    }
  }
}

/// Adds `parts` matrices in panels, which lie one after the other in memory, and writes the sum row-major. It adds them in order, so the
/// result does not depend on `threads`.
inline void merge_parts(const float* first_part, int64_t parts, int64_t rows, int64_t columns, float* out, int threads) {
  const auto size = static_cast<int64_t>(panel_floats<float>(rows, columns));
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
