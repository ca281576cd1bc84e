// The rows that a depthwise kernel slides over, transformed once and kept in the cache while they are needed.
// Filled and read by depthwise_forward.cpp (z of x) and depthwise_backward.cpp (dy).
#pragma once
#include <algorithm>
#include <cstdint>

namespace mcnn::cpu {

/// The last rows of each vector of channels, in fp32: (vectors, slots, columns, lanes). Row i of the image lives in slot
/// i % slots. Columns before the image and behind it stay 0.
class RowRing {
 public:
  static int64_t floats(int64_t slots, int64_t vectors, int64_t columns, int64_t lanes) { return slots * vectors * columns * lanes; }

  RowRing(float* memory, int64_t slots, int64_t vectors, int64_t columns, int64_t lanes, int64_t left, int64_t width)
      : memory_(memory), slots_(slots), columns_(columns), lanes_(lanes), left_(left) {
    for (int64_t run = 0; run < slots * vectors; ++run) {
      float* first = memory + run * columns * lanes;
      std::fill(first, first + left * lanes, 0.0f);
      std::fill(first + (left + width) * lanes, first + columns * lanes, 0.0f);
    }
  }
  /// Image column 0 of row i, vector v of the block.
  float* row(int64_t i, int64_t v) const { return memory_ + ((v * slots_ + i % slots_) * columns_ + left_) * lanes_; }

 private:
  float* memory_;
  int64_t slots_, columns_, lanes_, left_;
};

}  // namespace mcnn::cpu
