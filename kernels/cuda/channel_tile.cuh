// How a block's threads are arranged over a feature map, a matrix of rows (pixels) by C channels: neighbouring threads have neighbouring
// channels, N each; the other threads have other rows. So a warp reads whole sectors for any C, and a thread loads the coefficients of
// its channels once.
// A block is within one sample: its rows share one gate and one drop-path factor.
// Next: pool.cu and batch_norm.cu sum over rows with it; residual.cu processes a map with it.
#pragma once
#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "runtime/tensor.h"

namespace mcnn::cuda {

struct ChannelTile {
  static constexpr int kThreads = 256;  // per block, at most

  int lanes;           ///< threads along channels
  int rows;            ///< threads along rows
  int rows_per_block;  ///< at most, of one sample
  int parts;           ///< blocks along the rows of a sample
  int tiles;           ///< blocks along channels

  /// Rows per thread in a kernel with sums. More rows spread a block's fixed cost (coefficients, adding its threads' sums, merging
  /// parts); fewer rows give a low map enough blocks. At most 32: longer fp32 sums lose accuracy.
  static int rows_of_sums(const Tensor& x) { return x.h() * x.w() >= 2048 ? 32 : x.h() * x.w() >= 512 ? 16 : 8; }

  /// For (N,H,W,C) with `width` channels and about `rows_per_thread` rows per thread. Depends on the shape alone.
  ChannelTile(const Tensor& x, int width, int rows_per_thread) {
    constexpr int kMostLanes = 32;  // 128 to 512 bytes of a row
    const int vectors = static_cast<int>(x.c()) / width, pixels = static_cast<int>(x.h() * x.w());
    tiles = (vectors + kMostLanes - 1) / kMostLanes;
    lanes = (vectors + tiles - 1) / tiles;
    if (tiles > 1) lanes += lanes % 2;  // tiles begin on a sector of 32 bytes
    // A low map has small blocks: with more threads, each would read more coefficients than values.
    rows = std::min(kThreads / lanes, (pixels + rows_per_thread - 1) / rows_per_thread);
    parts = (pixels + rows * rows_per_thread - 1) / (rows * rows_per_thread);
    rows_per_block = (pixels + parts - 1) / parts;
  }

  unsigned threads() const { return static_cast<unsigned>(lanes * rows); }
  dim3 blocks(int64_t samples) const { return {static_cast<unsigned>(samples * parts), static_cast<unsigned>(tiles)}; }
};

/// The position of the calling thread in its tile.
template <int N>
struct TilePlace {
  int sample, part;
  int channel;     ///< the first of N
  int first, end;  ///< pixels of the sample: first, first + tile.rows, ... before end
  bool inside;     ///< its channels exist

  __device__ TilePlace(const ChannelTile& tile, int channels, int pixels)
      : sample(static_cast<int>(blockIdx.x) / tile.parts),
        part(static_cast<int>(blockIdx.x) % tile.parts),
        channel((static_cast<int>(blockIdx.y) * tile.lanes + static_cast<int>(threadIdx.x) % tile.lanes) * N),
        first(part * tile.rows_per_block + static_cast<int>(threadIdx.x) / tile.lanes),
        end(min(pixels, (part + 1) * tile.rows_per_block)),
        inside(channel < channels) {}
};

/// Sums each channel over the rows of the block, in the order of the rows. `sums`: the thread's own; 0 if it is not inside.
/// Calls write(c, sum) once for each channel of the block, c counted from its first.
/// `shared` has ChannelTile::kThreads * N floats; it may be reused after the next barrier.
template <int N, class Write>
__device__ void sum_over_rows(const ChannelTile& tile, const Floats<N>& sums, float* shared, const Write& write) {
  const int width = tile.lanes * N;
  store<float, N>(shared + static_cast<int>(threadIdx.x) * N, sums);
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < width; c += static_cast<int>(blockDim.x)) {
    float total = 0;
    for (int row = 0; row < tile.rows; ++row) total += load<float, 1>(shared + row * width + c)[0];
    write(c, total);
  }
}

}  // namespace mcnn::cuda
