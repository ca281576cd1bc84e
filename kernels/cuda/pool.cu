// Spatial mean of the activation, and the sums of act' that its backward needs.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound: x is read once, some 16 rows to a thread, all three sums in registers. A map that is one block high (7x7)
// is finished by it; of a higher one each block leaves its part, and a second kernel adds the parts in their order.
// Next: squeeze_excite.cu makes the gate of it, linear.cu the logits.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 16;  // of a thread: the fp32 sums stay short, and a batch of 32 fills the device

/// What becomes of the three sums over H,W.
struct PoolOutput {
  float *mean, *slope, *slope_xhat;  // (N,C); null: not wanted
  const float* invstd;               // (C); null: x has no norm
  float per_pixel;

  __host__ __device__ bool slopes() const { return slope || slope_xhat; }
  __device__ void leave(int sum, int64_t nc, int c, float value) const {
    if (sum == 0) store<float, 1>(mean + nc, {value * per_pixel});
    if (sum == 1 && slope) store<float, 1>(slope + nc, {value});
    if (sum == 2 && slope_xhat) store<float, 1>(slope_xhat + nc, {value * load_or<1>(invstd, c, 1.f)[0]});
  }
};

/// One block: part of a sample's rows, a tile of channels. parts (parts,3,N*C), unless the part is the whole.
template <class T, int N>
__global__ void pool_rows(FeatureView<T> x, int channels, int pixels, ChannelTile tile, float* parts, PoolOutput output) {
  __shared__ float shared[ChannelTile::kThreads * N];
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sums[3] = {};
  if (at.inside) {
    const ChannelReader<N> read(x, at.channel);
    const Floats<N> mean = load_or<N>(x.mean, at.channel, 0.f);
    const T* raw = x.raw + static_cast<int64_t>(at.sample) * pixels * channels + at.channel;
#pragma unroll 4
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const Floats<N> value = load<T, N>(raw + static_cast<int64_t>(pixel) * channels);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        const float u = read.u(value[i], i);
        sums[0][i] += act_of(x.act, u);
        if (!output.slopes()) continue;
        const float slope = slope_of(x.act, u);
        sums[1][i] += slope;
        sums[2][i] = fmaf(slope, value[i] - mean[i], sums[2][i]);
      }
    }
  }
  const int64_t values = static_cast<int64_t>(gridDim.x / tile.parts) * channels;  // N*C
#pragma unroll
  for (int sum = 0; sum < 3; ++sum) {
    if (sum > 0 && !output.slopes()) break;
    if (sum > 0) __syncthreads();  // the last sum has been read
    sum_over_rows(tile, sums[sum], shared, [&](int i, float total) {
      const int c = static_cast<int>(blockIdx.y) * tile.lanes * N + i;
      if (c >= channels) return;
      const int64_t nc = static_cast<int64_t>(at.sample) * channels + c;
      if (tile.parts == 1)
        output.leave(sum, nc, c, total);
      else
        store<float, 1>(parts + (static_cast<int64_t>(at.part) * 3 + sum) * values + nc, {total});
    });
  }
}

/// A thread for each sample and channel, a row of blocks for each sum: parts (parts,3,N*C).
__global__ void add_pool_parts(const float* parts, int count, int64_t values, int channels, PoolOutput output) {
  const int64_t nc = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (nc >= values) return;
  const int sum = static_cast<int>(blockIdx.y);
  float total = 0;
#pragma unroll 4
  for (int part = 0; part < count; ++part) total += load<float, 1>(parts + (static_cast<int64_t>(part) * 3 + sum) * values + nc)[0];
  output.leave(sum, nc, static_cast<int>(nc % channels), total);
}

}  // namespace

void CudaOps::pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) {
  const int channels = static_cast<int>(x.raw.c()), pixels = static_cast<int>(x.raw.h() * x.raw.w());
  const int64_t samples = x.raw.n(), values = samples * channels;
  if (values == 0) return;
  const PoolOutput output{mean.data<float>(), slope.data<float>(), slope_xhat.data<float>(), x.norm.invstd.data<float>(),
                          1.f / static_cast<float>(pixels)};
  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(x.raw, width(), kRows);
      float* parts = tile.parts == 1 ? nullptr : scratch<float>(static_cast<std::size_t>(3 * tile.parts * values));
      launch(pool_rows<T, width()>, {tile.blocks(samples), tile.threads()}, stream_, FeatureView<T>::of(x), channels, pixels, tile, parts,
             output);
      if (tile.parts == 1) return;
      constexpr unsigned kThreads = 128;  // a thread's loads wait for memory alone: the more blocks the better
      launch(add_pool_parts, {{blocks_for(values, kThreads), output.slopes() ? 3u : 1u}, kThreads}, stream_, parts, tile.parts, values,
             channels, output);
    });
  });
}

}  // namespace mcnn::cuda
