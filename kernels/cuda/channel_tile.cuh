// How a block lies over a feature map, a matrix of rows (pixels) by C channels: threads side by side along the channels,
// N channels each, and the rest of the threads along rows. A warp so reads whole sectors for any C, and a thread keeps its
// channels, hence their coefficients, from row to row.
// Blocks stay within one sample: gates and drop-path have one value for all their rows.
// Next: pool.cu and batch_norm.cu sum over rows with it; residual.cu walks a map with it.
#pragma once
#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "runtime/tensor.h"

namespace mcnn::cuda {

struct ChannelTile {
  static constexpr int kThreads = 256;  // of a block, at most

  int lanes;           ///< threads along channels
  int rows;            ///< threads along rows
  int rows_per_block;  ///< at most: of one sample
  int parts;           ///< blocks along the rows of a sample
  int tiles;           ///< blocks along channels

  /// Rows that a thread of a kernel with sums takes: what a block costs beside its rows (coefficients, the sums of its threads, parts
  /// that are merged) is paid once, and a low map still gives blocks enough. At most 32, so that fp32 sums stay short.
  static int rows_of_sums(const Tensor& x) { return x.h() * x.w() >= 2048 ? 32 : x.h() * x.w() >= 512 ? 16 : 8; }

  /// For (N,H,W,C) with `width` channels to a thread and about `rows_per_thread` rows. Decided by the shape alone.
  ChannelTile(const Tensor& x, int width, int rows_per_thread) {
    constexpr int kMostLanes = 32;  // 128 to 512 bytes of a row
    const int vectors = static_cast<int>(x.c()) / width, pixels = static_cast<int>(x.h() * x.w());
    tiles = (vectors + kMostLanes - 1) / kMostLanes;
    lanes = (vectors + tiles - 1) / tiles;
    if (tiles > 1) lanes += lanes % 2;  // tiles begin on a sector of 32 bytes
    // A low map makes small blocks rather than threads that read more coefficients than values.
    rows = std::min(kThreads / lanes, (pixels + rows_per_thread - 1) / rows_per_thread);
    parts = (pixels + rows * rows_per_thread - 1) / (rows * rows_per_thread);
    rows_per_block = (pixels + parts - 1) / parts;
  }

  unsigned threads() const { return static_cast<unsigned>(lanes * rows); }
  dim3 blocks(int64_t samples) const { return {static_cast<unsigned>(samples * parts), static_cast<unsigned>(tiles)}; }
};

/// Where the running thread is in its tile.
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

/// Sums each channel over the rows of the block, in the order of the rows. `sums`: the thread's own, 0 where it is not inside.
/// leave(c, sum) is called once for each of the block's channels, c counted from its first.
/// `shared` is for ChannelTile::kThreads * N values, free again after the next barrier.
template <int N, class Leave>
__device__ void sum_over_rows(const ChannelTile& tile, const Floats<N>& sums, float* shared, const Leave& leave) {
  const int width = tile.lanes * N;
  store<float, N>(shared + static_cast<int>(threadIdx.x) * N, sums);
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < width; c += static_cast<int>(blockDim.x)) {
    float total = 0;
    for (int row = 0; row < tile.rows; ++row) total += load<float, 1>(shared + row * width + c)[0];
    leave(c, total);
  }
}

}  // namespace mcnn::cuda
