// Barriers, shuffles and votes of the emulator, in every order of threads.
#include <gtest/gtest.h>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

struct Tree {
  float sums[256];
};

__global__ void block_sum(const float* x, float* sum) {
  auto& tree = static_shared<Tree>();
  const int t = static_cast<int>(threadIdx.x);
  store<float, 1>(&tree.sums[t], load<float, 1>(x + blockIdx.x * 256 + t));
  for (int half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) tree.sums[t] += tree.sums[t + half];
  }
  if (t == 0) sum[blockIdx.x] = tree.sums[0];
}

__global__ void warp_sum(const float* x, float* sum) {
  float v = x[threadIdx.x];
  for (int o = 16; o > 0; o /= 2) v += __shfl_xor_sync(0xffffffffu, v, o);
  sum[threadIdx.x] = v;
}

TEST(Barrier, Sum) {
  float *x, *y;
  MCNN_CUDA(cudaMalloc(&x, 1024 * 4));
  MCNN_CUDA(cudaMalloc(&y, 1024 * 4));
  for (int i = 0; i < 1024; ++i) x[i] = i;
  launch(block_sum, {4, 256}, nullptr, x, y);
  for (int b = 0; b < 4; ++b) EXPECT_EQ(y[b], 256 * (256 * b + 127.5f));
  launch(warp_sum, {1, 64}, nullptr, x, y);
  EXPECT_EQ(y[5], 496);
  EXPECT_EQ(y[37], 496 + 1024);
  cudaFree(x);
  cudaFree(y);
  const char* n;
  cudaFuncGetName(&n, (void*)block_sum);
  EXPECT_EQ(std::string(n), "block_sum");
  try {
    launch(block_sum, {5, 256}, nullptr, x, y);
  } catch (Error& e) {
    puts(e.what());
  }
}

}  // namespace
}  // namespace mcnn::cuda
