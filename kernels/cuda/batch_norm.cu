// Batch norm: scale and shift from moments, and the two sums of its backward.  Contract: kernels/operations/batch_norm.h.
// No kernel here normalises a feature map: its readers do (feature.cuh).
//   batch_norm_forward      reads (C) only, a thread per channel. After a convolution, its last block does this (norm_targets.cuh)
//   batch_norm_frozen       the same from the running statistics
//   batch_norm_sums         reads two feature maps once; each block writes the sums of its part, the last block adds the parts
//   batch_norm_sums_gated   reads (N,C) only: a block for 32 channels; each of its warps has a slice of the samples
// Next: gradient_reader.cuh uses the sums in the convolutions' backward.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/norm_targets.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr unsigned kChannels = 128;  // per block of batch_norm_forward and _frozen
constexpr int kSlices = 32;          // warps per block of batch_norm_sums_gated; each has a slice of the samples

__global__ void fold_batch(const float* mean, const float* m2, int channels, BatchNormFold fold) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c < channels) fold(c, mean[c], m2[c]);
}

__global__ void fold_running(const float* mean, const float* var, int channels, float eps, NormPointers norm) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c < channels) norm.fold(mean[c], var[c], eps, c);
}

template <int N>
struct RowSums {
  float sums[ChannelTile::kThreads * N];
};

/// A block has a part of a sample's rows and a tile of channels. It sums du and du*(raw - mean).  kThroughAct: x has an activation, and
/// du = stored*act'(u).
template <class T, int N, bool kThroughAct>
__global__ void sum_rows(FeatureView<T> x, const T* stored, const float* sample_scale, int channels, int pixels, ChannelTile tile,
                         SumParts parts, SumTargets targets) {
  float* shared = static_shared<RowSums<N>>().sums;
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sum_du = {}, sum_centred = {};
  if (at.inside) {
    const Floats<N> centre = load<float, N>(x.mean + at.channel);
    Floats<N> scale = {}, shift = {};
    if constexpr (kThroughAct) {
      scale = load<float, N>(x.scale + at.channel);
      shift = load<float, N>(x.shift + at.channel);
    }
    const int64_t sample = static_cast<int64_t>(at.sample) * pixels;
#pragma unroll 4
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const int64_t i = (sample + pixel) * channels + at.channel;
      const Floats<N> raw = load<T, N>(x.raw + i);
      Floats<N> du = load<T, N>(stored + i);
      if constexpr (kThroughAct) {
        with_activation(x.act, [&](Activation constant) {
#pragma unroll
          for (int j = 0; j < N; ++j) du[j] *= slope_of(constant, scale[j] * raw[j] + shift[j]);
        });
      }
#pragma unroll
      for (int j = 0; j < N; ++j) {
        sum_du[j] += du[j];
        sum_centred[j] = fmaf(du[j], raw[j] - centre[j], sum_centred[j]);
      }
    }
  }
  const float factor = sample_scale ? sample_scale[at.sample] : 1.f;
  const int first_channel = static_cast<int>(blockIdx.y) * tile.lanes * N;
  const auto write_to = [&](int row) {
    return [=](int i, float sum) {
      if (first_channel + i < channels) store<float, 1>(parts.at(blockIdx.x, row, first_channel + i), {factor * sum});
    };
  };
  sum_over_rows(tile, sum_du, shared, write_to(0));
  __syncthreads();  // the first sums have been read
  sum_over_rows(tile, sum_centred, shared, write_to(1));
  parts.merge(blockIdx.y, 0, blockIdx.x, gridDim.x, {0, 2, first_channel, tile.lanes * N},
              [&](int row, int c, float sum) { targets.write(row, c, c, sum); });
}

/// One of the two sums: the sums over H,W, (N,C), and the result, (C).
struct GatedSums {
  const float *dz, *slope;
  float* out;
};

struct SliceSums {
  float sums[kSlices][kWarp];
};

/// A lane has a channel, a warp every kSlices-th sample.  blockIdx.y: 0 for sum_du, 1 for sum_du_xhat.  gate null: no such term.
__global__ void sum_gated(const float* gate, const float* pooled, GatedSums du, GatedSums du_xhat, int samples, int channels) {
  auto& shared = static_shared<SliceSums>().sums;
  const bool xhat = blockIdx.y == 1;
  const float *dz = xhat ? du_xhat.dz : du.dz, *slope = xhat ? du_xhat.slope : du.slope;
  float* out = xhat ? du_xhat.out : du.out;
  const int slice = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const int c = static_cast<int>(blockIdx.x) * kWarp + lane;
  float sum = 0;
#pragma unroll 4
  for (int n = slice; n < samples && c < channels; n += kSlices) {
    const int64_t nc = static_cast<int64_t>(n) * channels + c;
    sum = fmaf(load<float, 1>(pooled + nc)[0], load<float, 1>(slope + nc)[0], sum);
    if (gate) sum = fmaf(load<float, 1>(gate + nc)[0], load<float, 1>(dz + nc)[0], sum);
  }
  store<float, 1>(&shared[slice][lane], {sum});
  __syncthreads();
  if (slice > 0 || c >= channels || !out) return;
  float total = 0;
#pragma unroll
  for (int i = 0; i < kSlices; ++i) total += load<float, 1>(&shared[i][lane])[0];
  store<float, 1>(out + c, {total});
}

}  // namespace

void CudaOps::execute(BatchNormForward& op) {
  const Range name(op.kName);
  const int64_t channels = op.update.gamma.size();
  launch(fold_batch, {blocks_for(channels, kChannels), kChannels}, stream(), op.moments.mean.data<float>(), op.moments.m2.data<float>(),
         channels, BatchNormFold::of(op.count, op.update));
}

void CudaOps::execute(BatchNormFrozen& op) {
  const Range name(op.kName);
  launch(fold_running, {blocks_for(op.gamma.size(), kChannels), kChannels}, stream(), op.running_mean.data<float>(),
         op.running_var.data<float>(), op.gamma.size(), op.eps, NormPointers::of(op.gamma, op.beta, op.norm));
}

void CudaOps::execute(BatchNormSums& op) {
  const Range name(op.kName);
  const int channels = static_cast<int>(op.x.raw.c()), pixels = static_cast<int>(op.x.raw.h() * op.x.raw.w());
  const int64_t samples = op.x.raw.n();
  with_storage(op.x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(op.x.raw, width(), ChannelTile::rows_of_sums(op.x.raw));
      const int64_t count = samples * tile.parts;
      const MergeTree tree(count);
      const SumParts parts{scratch<float>(static_cast<std::size_t>(2 * count * channels)), arrivals(tile.tiles * tree.arrivals), 2,
                           channels, tree};
      const auto kernel = op.x.act == Activation::identity ? sum_rows<T, width(), false> : sum_rows<T, width(), true>;
      launch(kernel, {tile.blocks(samples), tile.threads()}, stream(), FeatureView<T>::of(op.x), op.stored.data<T>(),
             op.sample_scale.data<float>(), channels, pixels, tile, parts,
             SumTargets{{elements<float>(op.sum_du), elements<float>(op.sum_du_xhat)}, elements<float>(op.x.norm.invstd), 2});
    });
  });
}

// A grid of C/32 blocks by 2: a warp reads 32 channels, a whole cache line.
void CudaOps::execute(BatchNormSumsGated& op) {
  const Range name(op.kName);
  const GatedSums du{op.sum_dz_slope.data<float>(), op.slope.data<float>(), op.sum_du.data<float>()};
  const GatedSums du_xhat{op.sum_dz_slope_xhat.data<float>(), op.slope_xhat.data<float>(), op.sum_du_xhat.data<float>()};
  launch(sum_gated, {{blocks_for(op.pooled.dim(1), kWarp), 2}, kSlices * kWarp}, stream(), op.gate.data<float>(), op.pooled.data<float>(),
         du, du_xhat, op.pooled.dim(0), op.pooled.dim(1));
}

}  // namespace mcnn::cuda
