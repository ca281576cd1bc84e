// How a channel-wise kernel (depthwise convolution, pooling) cuts its work: channels into vectors, vectors into blocks.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/cpu/cuts/rounding.h"

namespace mcnn::cpu {

/// Consecutive vectors of channels; a part of the work owns one block of one or several samples.
struct ChannelBlock {
  int64_t begin, end;
  int64_t vectors() const { return end - begin; }
};

/// C channels as vectors of `lanes` <= C. Where lanes does not divide C a last vector ends at C and overlaps its neighbour:
/// the channels they share are computed twice, with one result, and no vector reaches past a row. Both lie in one block.
class ChannelBlocks {
 public:
  /// Blocks of at most `limit` vectors (one more in the last), and at least `least` blocks if there are as many vectors.
  ChannelBlocks(int64_t channels, int64_t lanes, int64_t limit, int64_t least) : channels_(channels), lanes_(lanes) {
    const int64_t whole = channels / lanes;
    const int64_t blocks = std::clamp(std::max(ceil_div(whole, std::max<int64_t>(limit, 1)), least), int64_t{1}, whole);
    per_block_ = ceil_div(whole, blocks);
    count_ = ceil_div(whole, per_block_);
  }
  int64_t count() const { return count_; }
  int64_t most_vectors() const { return per_block_ + 1; }
  ChannelBlock block(int64_t index) const {
    const bool last = index == count_ - 1;
    return {index * per_block_, last ? ceil_div(channels_, lanes_) : (index + 1) * per_block_};
  }
  int64_t first_channel(int64_t vector) const { return std::min(vector * lanes_, channels_ - lanes_); }

 private:
  int64_t channels_, lanes_, per_block_, count_;
};

}  // namespace mcnn::cpu
