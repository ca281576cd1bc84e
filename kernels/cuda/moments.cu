// Moments and sums of a whole feature map from the parts that blocks left of it: the second stage, and the host side of
// moments.cuh and input_gradient.cuh. Small work: (parts, C) floats read once. Each block merges the parts of 32 channels
// (a warp reads 128 consecutive bytes), its rows of threads taking every blockDim.y-th part; then the rows merge pairwise.
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kChannels = 32;  // of a block: a warp's width
constexpr int kMostRows = 16;  // of threads
// Parts that a thread loads at once: they arrive hundreds of cycles later, and large maps leave thousands of them.
constexpr int kAhead = 8;

struct BlockMoments {
  float values[merge_block_floats<1> * kChannels * kMostRows];
};
struct BlockSums {
  float values[kChannels * kMostRows];
};

__global__ void merge_moments_kernel(MomentParts parts, float* mean, float* m2) {
  float* shared = static_shared<BlockMoments>().values;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kChannels + threadIdx.x;
  RunningMoments<1> total;
  if (c < parts.channels) {
#pragma unroll kAhead
    for (int64_t part = threadIdx.y; part < parts.parts; part += blockDim.y) {
      const int64_t at = part * parts.channels + c;
      total.merge(load<float, 1>(parts.count + part)[0], load<float, 1>(parts.mean + at), load<float, 1>(parts.m2 + at));
    }
  }
  merge_block(total, shared);
  if (threadIdx.y != 0 || c >= parts.channels) return;
  store<float, 1>(mean + c, total.mean);
  store<float, 1>(m2 + c, total.m2);
}

/// blockIdx.x: group and block of channels; blockIdx.y: row.
__global__ void merge_sums_kernel(const float* parts, int64_t parts_per_group, int64_t channels, int64_t channel_blocks,
                                  SumTargets targets) {
  float* shared = static_shared<BlockSums>().values;
  const int row = blockIdx.y;
  // Chosen by comparison: indexing a parameter with a variable would copy it to local memory.
  float* out = targets.out[0];
  const float* factor = targets.factor[0];
#pragma unroll
  for (int i = 1; i < SumTargets::kMost; ++i) {
    if (i == row) out = targets.out[i], factor = targets.factor[i];
  }
  if (!out) return;
  const int64_t group = blockIdx.x / channel_blocks, c = blockIdx.x % channel_blocks * kChannels + threadIdx.x;
  Floats<1> total{};
  if (c < channels) {
#pragma unroll kAhead
    for (int64_t part = threadIdx.y; part < parts_per_group; part += blockDim.y)
      total[0] += load<float, 1>(parts + ((group * parts_per_group + part) * targets.rows + row) * channels + c)[0];
  }
  add_block(total, shared);
  if (threadIdx.y != 0 || c >= channels) return;
  if (factor) total[0] *= load<float, 1>(factor + c)[0];
  store<float, 1>(out + group * channels + c, total);
}

/// Rows of threads: no more than there are parts, a power of two.
unsigned rows_for(int64_t parts) {
  unsigned rows = 1;
  while (rows < kMostRows && rows < parts) rows *= 2;
  return rows;
}

}  // namespace

void merge_moments(cudaStream_t stream, const MomentParts& parts, Moments& moments) {
  launch(merge_moments_kernel, {.blocks = {blocks_for(parts.channels, kChannels)}, .threads = {kChannels, rows_for(parts.parts)}}, stream,
         parts, elements<float>(moments.mean), elements<float>(moments.m2));
}

void merge_sums(cudaStream_t stream, const float* parts, int64_t groups, int64_t parts_per_group, int64_t channels,
                const SumTargets& targets) {
  const int64_t channel_blocks = blocks_for(channels, kChannels);
  launch(merge_sums_kernel,
         {.blocks = {static_cast<unsigned>(groups * channel_blocks), static_cast<unsigned>(targets.rows)},
          .threads = {kChannels, rows_for(parts_per_group)}},
         stream, parts, parts_per_group, channels, channel_blocks, targets);
}

void merge_input_sums(cudaStream_t stream, const float* parts, const InputSumParts& layout, const Feature& x, InputGradient& dx) {
  const float* invstd = elements<float>(x.norm.invstd);
  const SumTargets targets =
      layout.sums == 3 ? SumTargets{{elements<float>(dx.sum_dz_a), elements<float>(dx.sum_dz_slope), elements<float>(dx.sum_dz_slope_xhat)},
                                    {nullptr, nullptr, invstd},
                                    3}
                       : SumTargets{{elements<float>(dx.sum_du), elements<float>(dx.sum_du_xhat)}, {nullptr, invstd}, 2};
  merge_sums(stream, parts, layout.groups, layout.parts_per_group, layout.channels, targets);
}

}  // namespace mcnn::cuda
