// Mistakes that only a sanitizer finds: each test dies with its report, which names the kernel. Skipped in builds without that sanitizer.
#include <gtest/gtest.h>

#include "emulator/sanitizers.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "tests/emulator/device_array.h"

// g++ has no macro for it: a symbol of the sanitizer's runtime.
extern "C" [[gnu::weak]] void
__ubsan_handle_type_mismatch_v1_abort();  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)

namespace mcnn::cuda {
namespace {

struct Row {
  float values[64];
};

__global__ void write_one_too_many(float* x) { x[threadIdx.x] = 1.f; }
__global__ void write_over_shared(float* x) {
  static_shared<Row>().values[threadIdx.x] = 1.f;
  x[0] = 1.f;
}
__global__ void load_misaligned(const float* x, float4* y) { y[threadIdx.x] = reinterpret_cast<const float4*>(x + 1)[threadIdx.x]; }

__global__ void reverse_without_barrier(const float* x, float* y) {
  auto& row = static_shared<Row>();
  row.values[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = row.values[63 - threadIdx.x];
}
__global__ void reverse(const float* x, float* y) {
  auto& row = static_shared<Row>();
  row.values[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[64 * blockIdx.x + threadIdx.x] = row.values[63 - threadIdx.x];
}
__global__ void exchange_in_warp_without_syncwarp(float* y) {
  auto& row = static_shared<Row>();
  row.values[threadIdx.x] = 1.f;
  y[threadIdx.x] = row.values[threadIdx.x ^ 1];
}
__global__ void every_block_writes_the_same(float* y) {
  __syncthreads();
  if (threadIdx.x == 0) y[0] = static_cast<float>(blockIdx.x);
}

TEST(AddressSanitizerDeathTest, OutOfBounds) {
  if (!simt::address_sanitizer()) GTEST_SKIP() << "needs the preset asan";
  DeviceArray<float> x(64);
  EXPECT_DEATH(launch(write_one_too_many, {1, 65}, nullptr, x), "heap-buffer-overflow(.|\n)*write_one_too_many");
  EXPECT_DEATH(launch(write_over_shared, {1, 65}, nullptr, x), "use-after-poison(.|\n)*write_over_shared");
  launch(write_one_too_many, {1, 64}, nullptr, x);
  launch(write_over_shared, {2, 64}, nullptr, x);
}

TEST(UndefinedBehaviorSanitizerDeathTest, MisalignedAccess) {
  const bool others = simt::address_sanitizer() || simt::thread_sanitizer();  // whose runtimes have the symbol too
  if (!__ubsan_handle_type_mismatch_v1_abort || others) GTEST_SKIP() << "needs the preset ubsan";
  DeviceArray<float> x(132);
  DeviceArray<float4> y(32);
  EXPECT_DEATH(launch(load_misaligned, {1, 32}, nullptr, x, y), "misaligned address");
}

TEST(ThreadSanitizerDeathTest, RemovedBarrier) {
  if (!simt::thread_sanitizer()) GTEST_SKIP() << "needs the preset tsan";
  DeviceArray<float> x(64), y(5 * 64);
  EXPECT_DEATH(launch(reverse_without_barrier, {1, 64}, nullptr, x, y), "data race(.|\n)*reverse_without_barrier");
  EXPECT_DEATH(launch(exchange_in_warp_without_syncwarp, {1, 32}, nullptr, y), "data race(.|\n)*exchange_in_warp_without_syncwarp");
  for (int i = 0; i < 3; ++i) launch(reverse, {5, 64}, nullptr, x, y);
}

TEST(ThreadSanitizerDeathTest, BlocksAreNotOrdered) {
  if (!simt::thread_sanitizer()) GTEST_SKIP() << "needs the preset tsan";
  DeviceArray<float> y(1);
  EXPECT_DEATH(launch(every_block_writes_the_same, {2, 64}, nullptr, y), "data race(.|\n)*every_block_writes_the_same");
  for (int i = 0; i < 3; ++i) launch(every_block_writes_the_same, {1, 64}, nullptr, y);  // launches are
}

}  // namespace
}  // namespace mcnn::cuda
