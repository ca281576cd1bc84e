// Moments and sums over the values of a feature map, in two stages: threads and blocks take them of what they hold, in any
// layout, and write parts to scratch memory; a second kernel merges the parts in their order, so that the bits do not depend
// on which block ran first. Never E[x^2] - E[x]^2.
//   Chan, Golub, LeVeque 1983:  d = mean_b - mean_a;  mean = mean_a + d*n_b/n;  m2 = m2_a + m2_b + d^2*n_a*n_b/n
// Next: moments.cu has the second stage.
#pragma once
#include "kernels/cuda/vector_access.cuh"
#include "kernels/feature.h"

namespace mcnn::cuda {

/// Mean and sum of squared deviations of N channels over the `count` values of each seen so far.
template <int N>
struct RunningMoments {
  float count = 0.f;
  Floats<N> mean{}, m2{};

  /// Nothing of nothing is nothing: no branch, so that a loop of merges has its loads under way together.
  __device__ void merge(float other_count, const Floats<N>& other_mean, const Floats<N>& other_m2) {
    const float share = other_count > 0.f ? other_count / (count + other_count) : 0.f, spread = count * share;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float off = other_mean[i] - mean[i];
      mean[i] += off * share;
      m2[i] += other_m2[i] + off * off * spread;
    }
    count += other_count;
  }
};

/// Floats of shared memory that merge_block needs for each thread of the block.
template <int N>
inline constexpr int merge_block_floats = 2 * N + 1;

/// For blocks whose threads (x, y) of equal x hold moments of the same channels: merges them over y, pairs first, into y = 0.
/// All threads call it. `shared` holds merge_block_floats<N> a thread and is free when it returns.
template <int N>
__device__ void merge_block(RunningMoments<N>& moments, float* shared) {
  const int threads = blockDim.x * blockDim.y, self = threadIdx.y * blockDim.x + threadIdx.x;
  for (int half = 1; half < static_cast<int>(blockDim.y); half *= 2) {
    // Plane by plane, so that neighbouring threads use neighbouring banks.
    store<float, 1>(shared + self, {moments.count});
#pragma unroll
    for (int i = 0; i < N; ++i) {
      store<float, 1>(shared + (1 + i) * threads + self, {moments.mean[i]});
      store<float, 1>(shared + (1 + N + i) * threads + self, {moments.m2[i]});
    }
    __syncthreads();
    if (threadIdx.y % (2 * half) == 0 && threadIdx.y + half < blockDim.y) {
      const int other = self + half * blockDim.x;
      Floats<N> mean, m2;
#pragma unroll
      for (int i = 0; i < N; ++i) {
        mean[i] = load<float, 1>(shared + (1 + i) * threads + other)[0];
        m2[i] = load<float, 1>(shared + (1 + N + i) * threads + other)[0];
      }
      moments.merge(load<float, 1>(shared + other)[0], mean, m2);
    }
    __syncthreads();
  }
}

/// The same for K sums: adds them up over y into y = 0. `shared` holds K floats a thread.
template <int K>
__device__ void add_block(Floats<K>& sums, float* shared) {
  const int threads = blockDim.x * blockDim.y, self = threadIdx.y * blockDim.x + threadIdx.x;
  for (int half = 1; half < static_cast<int>(blockDim.y); half *= 2) {
#pragma unroll
    for (int i = 0; i < K; ++i) store<float, 1>(shared + i * threads + self, {sums[i]});
    __syncthreads();
    if (threadIdx.y % (2 * half) == 0 && threadIdx.y + half < blockDim.y) {
#pragma unroll
      for (int i = 0; i < K; ++i) sums[i] += load<float, 1>(shared + i * threads + self + half * blockDim.x)[0];
    }
    __syncthreads();
  }
}

/// Parts of moments in scratch memory.
struct MomentParts {
  float* count;      // (parts)
  float *mean, *m2;  // (parts, C)
  int64_t parts, channels;

  static int64_t floats(int64_t parts, int64_t channels) { return round_up(parts) + 2 * parts * channels; }
  MomentParts(float* memory, int64_t part_count, int64_t channel_count)
      : count(memory),
        mean(memory + round_up(part_count)),
        m2(mean + part_count * channel_count),
        parts(part_count),
        channels(channel_count) {}

  /// N channels from c on of one part.
  template <int N>
  __device__ void write(int64_t part, int64_t c, const RunningMoments<N>& moments) const {
    if (c == 0) store<float, 1>(count + part, {moments.count});
    store<float, N>(mean + part * channels + c, moments.mean);
    store<float, N>(m2 + part * channels + c, moments.m2);
  }

 private:
  static int64_t round_up(int64_t parts) { return (parts + 3) / 4 * 4; }  // mean stays aligned for 128-bit accesses
};

/// The second stage: moments over all parts.
void merge_moments(cudaStream_t stream, const MomentParts& parts, Moments& moments);

/// out[row][group*channels + c] = factor[row][c] * sum over p of parts[group, p, row, c]; parts (groups, parts, rows, C).
struct SumTargets {
  static constexpr int kMost = 3;
  float* out[kMost];           // (groups, C) each; null: not wanted
  const float* factor[kMost];  // (C); null: 1
  int rows;
};
/// The second stage: adds up `parts_per_group` parts of each group.
void merge_sums(cudaStream_t stream, const float* parts, int64_t groups, int64_t parts_per_group, int64_t channels,
                const SumTargets& targets);

}  // namespace mcnn::cuda
