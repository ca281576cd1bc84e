// Shares a range of elements out among threads, in pieces of one length: what an optimizer's step over all parameters does.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/rounding.h"

namespace mcnn::cpu {

inline constexpr int64_t kPieceElements = 16384;  // 64 KB of each operand: long enough for a thread, short enough to share out

inline int64_t pieces_of(int64_t count) { return ceil_div(count, kPieceElements); }

/// Calls visit(piece, first, count) for the pieces of [0, count). The pieces do not depend on the number of threads.
template <class Visit>
void for_pieces(int threads, int64_t count, const Visit& visit) {
  parallel_for(threads, pieces_of(count), [&](int64_t piece) {
    const int64_t first = piece * kPieceElements;
    visit(piece, first, std::min(kPieceElements, count - first));
  });
}

/// The same; no piece crosses `boundary`. Calls visit(first, count).
template <class Visit>
void for_pieces_of_two(int threads, int64_t boundary, int64_t count, const Visit& visit) {
  const int64_t before = pieces_of(boundary);
  parallel_for(threads, before + pieces_of(count - boundary), [&](int64_t piece) {
    const int64_t first = piece < before ? piece * kPieceElements : boundary + (piece - before) * kPieceElements;
    visit(first, std::min(kPieceElements, (piece < before ? boundary : count) - first));
  });
}

}  // namespace mcnn::cpu
