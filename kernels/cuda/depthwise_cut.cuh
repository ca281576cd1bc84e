// How a depthwise convolution is cut into blocks of threads. Depends on the shape alone, so that results do not depend on the device.
// A block has some channels, columns and rows of one sample. Thread (x, y) has channel x of the block and strip y of its columns: with
// one channel per thread, its k*k weights (and, backward, their gradients) fit into registers.
// Rows are loaded into shared memory by vectors of N = 4 channels: 16 bytes of fp32 in shared memory (8 bytes of bf16 in global memory:
// still whole sectors for a warp, and half the registers of 16 bytes); N = 1 if C is not a multiple of 4.
// Next: depthwise_forward.cu, depthwise_backward.cu.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace mcnn::cuda {

struct DepthwiseCut {
  int channels, strips, rows;                     // of a block: blockDim.x, blockDim.y, rows that it processes in turn
  int channel_blocks, column_blocks, row_blocks;  // blocks of one sample

  int blocks_per_sample() const { return column_blocks * row_blocks; }
};

inline constexpr int kDepthwiseSharedFloats = 12 * 1024;  // per block: 48 KB, the limit without an attribute
inline constexpr int kDepthwiseChannels = 64;             // per block at most: 128 bytes of bf16, two cache lines of fp32
inline constexpr int64_t kDepthwiseBlocks = 1024;         // of a call: a few for each of a large GPU's 132 multiprocessors
inline constexpr int kDepthwiseRows = 8;                  // per block at least: neighbouring blocks both read and transform k-1 rows

/// `strips` and `rows` are of a sample. A block has at most `threads` threads, one per channel and strip, and
/// pitch * (floats + strips * floats_per_strip) floats of shared memory; pitch is at least its channels.
inline DepthwiseCut depthwise_cut(int64_t samples, int64_t channels, int strips, int rows, int threads, int pitch, int floats,
                                  int floats_per_strip) {
  const auto split = [](int64_t items, int64_t parts) { return static_cast<int>((items + parts - 1) / parts); };
  DepthwiseCut cut{};
  // A multiple of 16 channels (whole 32-byte sectors of every type) that divides C; else equal parts, of whole 4-channel vectors if C is.
  for (int c = kDepthwiseChannels; c >= 32 && !cut.channels; c -= 16)
    if (channels % c == 0) cut.channels = c;
  if (!cut.channels) {
    const int unit = channels % 4 == 0 ? 4 : 1;
    cut.channels = split(split(channels, split(channels, kDepthwiseChannels)), unit) * unit;
  }
  cut.channel_blocks = split(channels, cut.channels);

  const int most_strips =
      std::max(1, std::min(threads / cut.channels, (kDepthwiseSharedFloats / std::max(cut.channels, pitch) - floats) / floats_per_strip));
  cut.column_blocks = split(strips, most_strips);
  cut.strips = split(strips, cut.column_blocks);

  const int64_t others = samples * cut.channel_blocks * cut.column_blocks;
  cut.row_blocks = static_cast<int>(std::clamp<int64_t>(kDepthwiseBlocks / others, 1, split(rows, kDepthwiseRows)));
  cut.rows = split(rows, cut.row_blocks);
  cut.row_blocks = split(rows, cut.rows);
  return cut;
}

/// The part of a row that a thread loads into shared memory: columns begin, begin + step, ... below end, of N channels from `channel`
/// of the block on.
struct RowShare {
  int channel, begin, end, step;

  /// Of columns [first, last). `channels`: C minus the block's first channel. A thread has V channels. The number of threads is a
  /// multiple of the vectors of a column.
  template <int N, int V = 1>
  __device__ static RowShare of(int channels, int first, int last) {
    const int vectors = blockDim.x * V / N, thread = threadIdx.y * blockDim.x + threadIdx.x;
    const int channel = thread % vectors * N;
    return {channel, first + thread / vectors, channel < channels ? last : 0, static_cast<int>(blockDim.y) * N / V};
  }
};

}  // namespace mcnn::cuda
