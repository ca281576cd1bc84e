// Spatial mean of the activation, and the sums of act' that its backward needs.  Contract and formulas: kernels/ops.h.
// Bandwidth-bound: x is read once, some 16 rows to a thread, all three sums in registers. A map that is one block high (7x7)
// is finished by it; of a higher one each block leaves its part, and moments.cu adds the parts in their order.
// Next: squeeze_excite.cu makes the gate of it, linear.cu the logits.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 16;  // of a thread: the fp32 sums stay short, and a batch of 32 fills the device

/// Where the sums over H,W go, each of `channels` per sample or part.
struct PoolOutput {
  float *mean, *slope, *slope_xhat;  // null: not wanted
  int64_t step;                      // from one sample, or part of one, to the next
  const float* invstd;               // (C): makes xhat of raw - mean; null: that is done when parts are added up
  float per_pixel;

  __host__ __device__ bool slopes() const { return slope || slope_xhat; }
};

template <int N>
struct PoolShared {
  float sums[ChannelTile::kThreads * N];
};

/// One block: part of a sample's rows, a tile of channels.
template <class T, int N>
__global__ void pool_rows(FeatureView<T> x, int channels, int pixels, ChannelTile tile, PoolOutput output) {
  float* shared = static_shared<PoolShared<N>>().sums;
  const TilePlace<N> at(tile, channels, pixels);
  const bool slopes = output.slopes();
  Floats<N> sum_a = {}, sum_slope = {}, sum_centred = {};
  if (at.inside) {
    const ChannelReader<N> read(x, at.channel);
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
  const auto leave = [&](const Floats<N>& sums, float* out, const float* factors, float factor) {
    sum_over_rows(tile, sums, shared, [&](int i, float sum) {
      const int c = static_cast<int>(blockIdx.y) * tile.lanes * N + i;
      if (out && c < channels) store<float, 1>(out + blockIdx.x * output.step + c, {sum * factor * load_or<1>(factors, c, 1.f)[0]});
    });
  };
  leave(sum_a, output.mean, nullptr, output.per_pixel);
  if (!slopes) return;
  __syncthreads();  // the last sums have been read
  leave(sum_slope, output.slope, nullptr, 1.f);
  __syncthreads();
  leave(sum_centred, output.slope_xhat, output.invstd, 1.f);
}

}  // namespace

// A map of one part is finished by its block; parts are (N, parts, 3, C) otherwise.
void CudaOps::pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) {
  const Range range(__func__);
  const int channels = static_cast<int>(x.raw.c()), pixels = static_cast<int>(x.raw.h() * x.raw.w());
  const int64_t samples = x.raw.n();
  const float* invstd = elements<float>(x.norm.invstd);
  const bool slopes = slope || slope_xhat;
  PoolOutput output{elements<float>(mean),           elements<float>(slope), elements<float>(slope_xhat), channels, invstd,
                    1.f / static_cast<float>(pixels)};
  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(x.raw, width(), kRows);
      if (tile.parts > 1) {
        float* parts = scratch<float>(static_cast<std::size_t>(samples * tile.parts * 3 * channels));
        output = {parts,           slopes ? parts + channels : nullptr, slopes ? parts + 2 * channels : nullptr, 3 * channels, nullptr,
                  output.per_pixel};
      }
      launch(pool_rows<T, width()>, {tile.blocks(samples), tile.threads()}, stream_, FeatureView<T>::of(x), channels, pixels, tile, output);
      if (tile.parts > 1)
        merge_sums(stream_, output.mean, samples, tile.parts, channels,
                   {{elements<float>(mean), elements<float>(slope), elements<float>(slope_xhat)}, {nullptr, nullptr, invstd}, 3});
    });
  });
}

}  // namespace mcnn::cuda
