// Spatial mean of the activation, and the sums of act' that its backward needs.  Contract and formulas: kernels/operations/pool.h.
// Bandwidth-bound: x is read once, and all three sums are in registers. A thread has at most four channels, so that a multiprocessor holds
// enough threads to use its bandwidth. One block sums a small map (7x7) alone. On a larger one, each block writes its part, and the last
// block adds the parts in their order.
// Next: squeeze_excite.cu computes the gate from the mean, linear.cu the logits.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kChannels = 4;  // per thread at most

template <int N>
struct PoolShared {
  float sums[ChannelTile::kThreads * N];
};

/// A block has a part of a sample's rows and a tile of channels. It sums a/pixels and, if requested, act' and act'*(raw - mean).
template <class T, int N>
__global__ void pool_rows(FeatureView<T> x, int channels, int pixels, ChannelTile tile, SumParts parts, SumTargets targets) {
  float* shared = static_shared<PoolShared<N>>().sums;
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sum_a = {}, sum_slope = {}, sum_centred = {};
  if (at.inside) {
    const FeatureReader<N> read(x, at.channel);
    const Floats<N> mean = load_or<N>(x.mean, at.channel, 0.f);
    const T* raw = x.raw + static_cast<int64_t>(at.sample) * pixels * channels + at.channel;
#pragma unroll 4
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const Floats<N> value = load<T, N>(raw + static_cast<int64_t>(pixel) * channels);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        float a, slope;
        act_with_slope(x.act, read.u(value[i], i), a, slope);
        sum_a[i] += a;
        sum_slope[i] += slope;
        sum_centred[i] = fmaf(slope, value[i] - mean[i], sum_centred[i]);
      }
    }
  }
  const float per_pixel = 1.f / static_cast<float>(pixels);
#pragma unroll
  for (int i = 0; i < N; ++i) sum_a[i] *= per_pixel;
  const int first = static_cast<int>(blockIdx.y) * tile.lanes * N;
  const auto result = [&](int row, int c, float sum) { targets.write(row, static_cast<int64_t>(at.sample) * channels + c, c, sum); };
  const auto write = [&](int row, const Floats<N>& sums) {
    sum_over_rows(tile, sums, shared, [&](int i, float sum) {
      const int c = first + i;
      if (c >= channels) return;
      if (parts.data)
        store<float, 1>(parts.at(blockIdx.x, row, c), {sum});
      else
        result(row, c, sum);
    });
    __syncthreads();  // all threads have read the sums
  };
  write(0, sum_a);
  if (targets.rows > 1) {
    write(1, sum_slope);
    write(2, sum_centred);
  }
  if (parts.data)
    parts.merge(at.sample * gridDim.y + blockIdx.y, at.sample * tile.parts, at.part, tile.parts, {0, parts.rows, first, tile.lanes * N},
                result);
}

}  // namespace

void CudaOps::execute(PoolForward& op) {
  const Range name(op.kName);
  const int channels = static_cast<int>(op.x.raw.c()), pixels = static_cast<int>(op.x.raw.h() * op.x.raw.w());
  const bool slopes = op.slope || op.slope_xhat;
  const SumTargets targets{{elements<float>(op.mean), elements<float>(op.slope), elements<float>(op.slope_xhat)},
                           slopes ? elements<float>(op.x.norm.invstd) : nullptr,
                           slopes ? 3 : 1};
  with_storage(op.x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T, kChannels>(channels, [&](auto width) {
      const ChannelTile tile(op.x.raw, width(), ChannelTile::rows_of_sums(op.x.raw));
      SumParts parts{nullptr, nullptr, targets.rows, channels, MergeTree(tile.parts)};
      if (tile.parts > 1) {
        parts.data = scratch<float>(static_cast<std::size_t>(op.x.raw.n() * tile.parts * targets.rows * channels));
        parts.arrivals = arrivals(op.x.raw.n() * tile.tiles * parts.tree.arrivals);
      }
      launch(pool_rows<T, width()>, {tile.blocks(op.x.raw.n()), tile.threads()}, stream(), FeatureView<T>::of(op.x), channels, pixels, tile,
             parts, targets);
    });
  });
}

}  // namespace mcnn::cuda
