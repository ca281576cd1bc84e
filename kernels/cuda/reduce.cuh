// Sums and maxima over a warp and a block, in a fixed order: every run gives the same bits.
// Next: channel_tile.cuh sums over the rows of a feature map with a block, and over blocks.
#pragma once
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kWholeWarp = 0xffffffffu;

/// The warp's sum, in every lane. All 32 lanes call it.
template <class T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(kWholeWarp, value, distance);
  return value;
}

/// The warp's largest value, in every lane. NaN is ignored (fmaxf).
__device__ inline float warp_max(float value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value = fmaxf(value, __shfl_xor_sync(kWholeWarp, value, distance));
  return value;
}

template <int kWarps, class T>
struct WarpSums {
  T of_warp[kWarps];
};

/// The block's sum, in every thread. A block has kWarps whole warps. Call it once in a kernel.
template <int kWarps, class T>
__device__ T block_sum(T value) {
  auto& of_warp = static_shared<WarpSums<kWarps, T>>().of_warp;
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  T total = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) total += of_warp[warp];
  return total;
}

}  // namespace mcnn::cuda
