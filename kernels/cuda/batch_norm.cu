// Batch norm: from moments to what readers need, and the two sums of its backward.  Contract: kernels/ops.h.
// Nothing here normalises a feature map: readers do (feature.cuh).
//   batch_norm_forward, batch_norm_frozen   (C) only: a thread a channel, over as soon as they are launched
//   batch_norm_sums         one read of two feature maps; a block leaves the sums of its part, a second kernel adds the parts
//   batch_norm_sums_gated   (N,C) only: a block for 32 channels, its warps share the samples
// Next: the convolutions' backward reads the sums through gradient_reader.cuh.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace mcnn::cuda {
namespace {

constexpr unsigned kChannels = 128;  // of a block of batch_norm_forward and _frozen
constexpr int kRows = 32;            // of a thread of batch_norm_sums: fp32 sums stay short
constexpr int kSlices = 8;           // warps of a block that adds up along samples or parts, each a slice of them

/// All (C).
struct NormPointers {
  const float *gamma, *beta;
  float *mean, *invstd, *scale, *shift;
};
NormPointers pointers(const Tensor& gamma, const Tensor& beta, Norm& norm) {
  return {gamma.data<float>(),      beta.data<float>(),       norm.mean.data<float>(),
          norm.invstd.data<float>(), norm.scale.data<float>(), norm.shift.data<float>()};
}

/// shift takes scale as rounded: u is beta at the mean, to one rounding.
__device__ void fold(float mean, float var, float eps, int c, const NormPointers& norm) {
  const float invstd = 1.f / sqrtf(var + eps), scale = norm.gamma[c] * invstd;
  norm.mean[c] = mean;
  norm.invstd[c] = invstd;
  norm.scale[c] = scale;
  norm.shift[c] = fmaf(-mean, scale, norm.beta[c]);
}

/// How the running statistics move, folded in double on the host.
struct RunningUpdate {
  float *mean, *var;                    // (C); null: none
  float kept, momentum, var_of_m2;      // 1-momentum, momentum, momentum/(count-1)
};

__global__ void fold_batch(const float* mean, const float* m2, int channels, float per_value, float eps, NormPointers norm,
                           RunningUpdate running) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= channels) return;
  fold(mean[c], m2[c] * per_value, eps, c, norm);
  if (!running.mean) return;
  running.mean[c] = fmaf(running.momentum, mean[c], running.kept * running.mean[c]);
  running.var[c] = fmaf(running.var_of_m2, m2[c], running.kept * running.var[c]);
}

__global__ void fold_running(const float* mean, const float* var, int channels, float eps, NormPointers norm) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c < channels) fold(mean[c], var[c], eps, c, norm);
}

/// A block: part of a sample's rows, a tile of channels.  parts (samples*parts, 2, C): sums of du and of du*(x - mean).
template <class T, int N>
__global__ void sum_rows(const T* x, const T* stored, const float* mean, const float* sample_scale, int channels, int pixels,
                         ChannelTile tile, float* parts) {
  __shared__ float shared[ChannelTile::kThreads * N];
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sum_du = {}, sum_centred = {};
  if (at.inside) {
    const Floats<N> centre = load<float, N>(mean + at.channel);
    const int64_t sample = static_cast<int64_t>(at.sample) * pixels;
#pragma unroll 4
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const int64_t i = (sample + pixel) * channels + at.channel;
      const Floats<N> raw = load<T, N>(x + i), du = load<T, N>(stored + i);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        sum_du[j] += du[j];
        sum_centred[j] = fmaf(du[j], raw[j] - centre[j], sum_centred[j]);
      }
    }
  }
  const float factor = sample_scale ? sample_scale[at.sample] : 1.f;
  float* part = parts + static_cast<int64_t>(blockIdx.x) * 2 * channels;
  const auto leave_in = [&](float* out) {
    return [=](int i, float sum) {
      const int c = static_cast<int>(blockIdx.y) * tile.lanes * N + i;
      if (c < channels) store<float, 1>(out + c, {factor * sum});
    };
  };
  sum_over_rows(tile, sum_du, shared, leave_in(part));
  __syncthreads();  // the first sums have been read
  sum_over_rows(tile, sum_centred, shared, leave_in(part + channels));
}

/// A block of kSlices warps, a channel a lane; each warp adds every kSlices-th of `count` terms, the first then adds the warps.
/// Returns the sum in the first warp. `shared`: (kSlices, 32).
template <class Term>
__device__ float sum_slices(int count, bool inside, float (&shared)[kSlices][kWarp], const Term& term) {
  const int slice = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  float sum = 0;
  if (inside) {
#pragma unroll 4
    for (int i = slice; i < count; i += kSlices) sum += term(i);
  }
  store<float, 1>(&shared[slice][lane], {sum});
  __syncthreads();
  if (slice > 0) return 0;
  float total = 0;
#pragma unroll
  for (int i = 0; i < kSlices; ++i) total += load<float, 1>(&shared[i][lane])[0];
  return total;
}

/// blockIdx.y: 0 for sum_du, 1 for sum_du_xhat.  parts (count, 2, C).
__global__ void add_parts(const float* parts, int count, int channels, const float* invstd, float* sum_du, float* sum_du_xhat) {
  __shared__ float shared[kSlices][kWarp];
  const int c = static_cast<int>(blockIdx.x) * kWarp + static_cast<int>(threadIdx.x) % kWarp, which = static_cast<int>(blockIdx.y);
  const float sum = sum_slices(count, c < channels, shared, [&](int part) {
    return load<float, 1>(parts + (static_cast<int64_t>(part) * 2 + which) * channels + c)[0];
  });
  float* out = which == 0 ? sum_du : sum_du_xhat;
  if (threadIdx.x < kWarp && c < channels && out) out[c] = which == 0 ? sum : invstd[c] * sum;
}

/// All (N,C): the sums over H,W that belong to one of sum_du and sum_du_xhat, which is `out` (C).
struct GatedSums {
  const float *gate, *dz, *pooled, *slope;  // gate and dz null: no such term
  float* out;
};

/// blockIdx.y: 0 for sum_du, 1 for sum_du_xhat.
__global__ void sum_gated(GatedSums du, GatedSums du_xhat, int samples, int channels) {
  __shared__ float shared[kSlices][kWarp];
  const GatedSums& of = blockIdx.y == 0 ? du : du_xhat;
  const int c = static_cast<int>(blockIdx.x) * kWarp + static_cast<int>(threadIdx.x) % kWarp;
  const float sum = sum_slices(samples, c < channels, shared, [&](int n) {
    const int64_t nc = static_cast<int64_t>(n) * channels + c;
    const float through_pooling = load<float, 1>(of.pooled + nc)[0] * load<float, 1>(of.slope + nc)[0];
    return of.gate ? fmaf(load<float, 1>(of.gate + nc)[0], load<float, 1>(of.dz + nc)[0], through_pooling) : through_pooling;
  });
  if (threadIdx.x < kWarp && c < channels && of.out) of.out[c] = sum;
}

}  // namespace

void CudaOps::batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                                 Tensor& running_mean, Tensor& running_var, Norm& norm) {
  const auto values = static_cast<double>(count);
  const RunningUpdate running{running_mean.data<float>(), running_var.data<float>(), static_cast<float>(1.0 - momentum), momentum,
                              static_cast<float>(momentum / (values - 1.0))};
  launch(fold_batch, {blocks_for(gamma.size(), kChannels), kChannels}, stream_, moments.mean.data<float>(), moments.m2.data<float>(),
         gamma.size(), static_cast<float>(1.0 / values), eps, pointers(gamma, beta, norm), running);
}

void CudaOps::batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                                Norm& norm) {
  launch(fold_running, {blocks_for(gamma.size(), kChannels), kChannels}, stream_, running_mean.data<float>(), running_var.data<float>(),
         gamma.size(), eps, pointers(gamma, beta, norm));
}

void CudaOps::batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) {
  const int channels = static_cast<int>(x.raw.c()), pixels = static_cast<int>(x.raw.h() * x.raw.w());
  const int64_t samples = x.raw.n();
  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(x.raw, width(), kRows);
      const int64_t parts = samples * tile.parts;
      float* of_parts = scratch<float>(static_cast<std::size_t>(2 * parts * channels));
      launch(sum_rows<T, width()>, {tile.blocks(samples), tile.threads()}, stream_, x.raw.data<T>(), stored.data<T>(),
             x.norm.mean.data<float>(), sample_scale.data<float>(), channels, pixels, tile, of_parts);
      launch(add_parts, {{blocks_for(channels, kWarp), 2}, kSlices * kWarp}, stream_, of_parts, parts, channels,
             x.norm.invstd.data<float>(), sum_du.data<float>(), sum_du_xhat.data<float>());
    });
  });
}

// A grid of C/32 blocks by 2: what a row of 32 channels is to a warp is a whole line of memory.
void CudaOps::batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                                    const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) {
  const float *g = gate.data<float>(), *p = pooled.data<float>();
  const GatedSums du{g, sum_dz_slope.data<float>(), p, slope.data<float>(), sum_du.data<float>()};
  const GatedSums du_xhat{g, sum_dz_slope_xhat.data<float>(), p, slope_xhat.data<float>(), sum_du_xhat.data<float>()};
  launch(sum_gated, {{blocks_for(pooled.dim(1), kWarp), 2}, kSlices * kWarp}, stream_, du, du_xhat, pooled.dim(0), pooled.dim(1));
}

}  // namespace mcnn::cuda
