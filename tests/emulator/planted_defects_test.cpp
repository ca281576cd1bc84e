// Kernels with one mistake each, and the error that reports it. Each test fails if the emulator lacks that check.
// Next: emulator/grid.h; sanitizers_test.cpp has those that only a sanitizer finds.
#include <gtest/gtest.h>

#include "emulator/sanitizers.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "runtime/error.h"
#include "tests/emulator/device_array.h"
#include "tests/emulator/every_order.h"

namespace mcnn::cuda {
namespace {

constexpr unsigned kAll = 0xffffffffu;

/// The launch's error message; empty: no error.
template <class... Parameters, class... Arguments>
std::string error_of(void (*kernel)(Parameters...), const Grid& grid, Arguments&&... arguments) {
  try {
    launch(kernel, grid, nullptr, std::forward<Arguments>(arguments)...);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Checks that the launch fails in every order of threads, with one line that begins with the kernel's name and contains `part`.
template <class... Parameters, class... Arguments>
void expect_error(const std::string& part, void (*kernel)(Parameters...), const Grid& grid, Arguments&&... arguments) {
  in_every_order([&] {
    const std::string error = error_of(kernel, grid, arguments...);
    const char* name = nullptr;
    MCNN_CUDA(cudaFuncGetName(&name, reinterpret_cast<const void*>(kernel)));
    EXPECT_TRUE(error.starts_with(name)) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  });
}

struct Row {
  float values[64];
};

__global__ void shift_without_barrier(const float* x, float* y) {
  auto& row = static_shared<Row>();
  const unsigned t = threadIdx.x;
  row.values[t] = x[t];
  y[t] = t > 0 ? row.values[t - 1] : 0.f;
}

bool is_shifted(simt::Options options) {
  const simt::Options before = std::exchange(simt::options(), options);
  DeviceArray<float> x(64), y(64);
  for (int i = 0; i < 64; ++i) x[i] = static_cast<float>(i);
  launch(shift_without_barrier, {1, 64}, nullptr, x, y);
  simt::options() = before;
  bool shifted = true;
  for (int i = 1; i < 64; ++i) shifted = shifted && y[i] == x[i - 1];
  return shifted;
}

TEST(PlantedDefect, RemovedBarrierShowsInOtherOrdersThanTheFirst) {
  if (simt::thread_sanitizer()) GTEST_SKIP() << "ThreadSanitizer tells it: sanitizers_test.cpp";
  EXPECT_TRUE(is_shifted({simt::Order::ascending}));  // so this order alone would not find the mistake
  EXPECT_FALSE(is_shifted({simt::Order::descending}));
  EXPECT_FALSE(is_shifted({simt::Order::shuffled, 1}));
}

__global__ void barrier_in_each_branch(float* x) {
  if (threadIdx.x < 32) {
    __syncthreads();
    x[threadIdx.x] = 1.f;
  } else {
    __syncthreads();
  }
}

TEST(PlantedDefect, DivergentBarrier) {
  DeviceArray<float> x(64);
  expect_error("while others wait in the one at", barrier_in_each_branch, {1, 64}, x);
}

__global__ void barrier_against_shuffle(float* x) {
  if (threadIdx.x == 0)
    __syncthreads();
  else
    x[threadIdx.x] = __shfl_sync(kAll, 1.f, 0);
}

TEST(PlantedDefect, Deadlock) {
  DeviceArray<float> x(32);
  expect_error("deadlock: thread (0,0,0) waits in __syncthreads at", barrier_against_shuffle, {1, 32}, x);
}

__global__ void shuffle_in_one_branch(float* x) {
  if (threadIdx.x < 16) x[threadIdx.x] = __shfl_xor_sync(kAll, 1.f, 1);
}

TEST(PlantedDefect, ShuffleMaskNamesLanesThatExit) {
  DeviceArray<float> x(32);
  expect_error("exit", shuffle_in_one_branch, {1, 32}, x);
}

TEST(PlantedDefect, ShuffleMaskNamesLanesBehindTheBlock) {
  DeviceArray<float> x(16);
  expect_error("names lane 16, which has exited", shuffle_in_one_branch, {1, 16}, x);
}

__global__ void shuffle_of_others(float* x) { x[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.f, 1); }

TEST(PlantedDefect, ShuffleMaskDoesNotNameTheCaller) {
  DeviceArray<float> x(32);
  expect_error("does not name the calling lane", shuffle_of_others, {1, 32}, x);
}

__global__ void shuffle_with_two_masks(float* x) { x[threadIdx.x] = __shfl_sync(threadIdx.x < 16 ? kAll : kAll << 1, 1.f, 16); }

TEST(PlantedDefect, ShuffleMasksDiffer) {
  DeviceArray<float> x(32);
  expect_error("but thread", shuffle_with_two_masks, {1, 32}, x);
}

__global__ void shuffle_from_outside(float* x) {
  if (threadIdx.x < 16) x[threadIdx.x] = __shfl_down_sync(0x0000ffffu, 1.f, 1);
  __syncwarp();
}

TEST(PlantedDefect, ShuffleReadsALaneOutsideTheMask) {
  DeviceArray<float> x(32);
  expect_error("lane 15 reads from lane 16, which is not in the mask", shuffle_from_outside, {1, 32}, x);
}

template <class T, int N>
__global__ void copy(const T* x, T* y) {
  const unsigned i = (blockIdx.x * blockDim.x + threadIdx.x) * N;
  store<T, N>(y + i, load<T, N>(x + i));
}

TEST(PlantedDefect, MisalignedVectorLoad) {
  DeviceArray<float> x(129), y(128);
  expect_error("a load of 16 bytes at", copy<float, 4>, {1, 32}, x + 1, y);
  expect_error("which is not a multiple of 16", copy<float, 4>, {1, 32}, x + 1, y);
}

// AddressSanitizer reports these itself: see below.
class PlantedOutOfBounds : public testing::Test {
 protected:
  void SetUp() override {
    if (simt::address_sanitizer()) GTEST_SKIP() << "AddressSanitizer watches the bounds";
  }
};

TEST_F(PlantedOutOfBounds, LoadBehindTheEnd) {
  DeviceArray<float> x(4 * 127), y(512);
  expect_error("block (3,0,0), thread (31,0,0): a load of 16 bytes ends 16 bytes behind the nearest device memory, of 2032 bytes",
               copy<float, 4>, {4, 32}, x, y);
}

TEST_F(PlantedOutOfBounds, StoreBehindTheEnd) {
  DeviceArray<__half> x(64), y(63);
  expect_error("a store of 2 bytes ends 2 bytes behind the nearest device memory, of 126 bytes", copy<__half, 1>, {1, 64}, x, y);
}

TEST_F(PlantedOutOfBounds, HostMemory) {
  alignas(16) static const float on_host[64] = {};
  DeviceArray<float> y(64);
  const std::string error = error_of(copy<float, 4>, {1, 16}, on_host, y);
  EXPECT_NE(error.find("device memory"), std::string::npos) << error;
}

TEST_F(PlantedOutOfBounds, MemoryThatWasFreed) {
  DeviceArray<float> y(64);
  float* x;
  MCNN_CUDA(cudaMalloc(&x, 256));
  EXPECT_EQ(error_of(copy<float, 4>, {1, 16}, x, y), "");
  MCNN_CUDA(cudaFree(x));
  EXPECT_NE(error_of(copy<float, 4>, {1, 16}, x, y), "");
}

__global__ void step_over_shared(float* y) {
  const unsigned t = threadIdx.x;
  store<float, 1>(static_shared<Row>().values + t, {{1.f}});
  y[t] = 1.f;
}

TEST_F(PlantedOutOfBounds, SharedMemory) {
  DeviceArray<float> y(65);
  expect_error("thread (64,0,0): a store of 4 bytes", step_over_shared, {1, 65}, y);
}

__global__ void sum_from_nothing(const float* x, float* partial, float* sum) {
  const unsigned t = threadIdx.x;
  if (t < 31) partial[t] = x[t];  // one is forgotten
  __syncthreads();
  if (t > 0) return;
  *sum = 0.f;
  for (int i = 0; i < 32; ++i) *sum += partial[i];
}

TEST(PlantedDefect, UninitialisedRead) {
  DeviceArray<float> x(32), partial(32), sum(1);
  MCNN_CUDA(cudaMemset(x, 0, 128));
  launch(sum_from_nothing, {1, 32}, nullptr, x, partial, sum);
  EXPECT_TRUE(std::isnan(sum[0]));
}

__global__ void nothing() {}
__global__ void nothing_else() {}

cudaError_t status_of(dim3 blocks, dim3 threads, std::size_t shared_bytes = 0) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.dynamicSmemBytes = shared_bytes;
  return cudaLaunchKernelEx(&config, nothing);
}

TEST(PlantedDefect, LaunchLimits) {
  EXPECT_EQ(status_of(1, 1024), cudaSuccess);
  EXPECT_EQ(status_of({1, 65535, 1}, 1), cudaSuccess);
  EXPECT_EQ(status_of(1, 1025), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of(1, {32, 33, 1}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of(1, {1, 1, 65}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of(1, 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of(0, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of({1, 65536, 1}, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(status_of({1, 1, 65536}, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error_of(nothing, {1, 1025}),
            "nothing: grid (1,1,1), block (1025,1,1), 0 bytes of shared memory: invalid configuration argument (9)");
}

TEST(PlantedDefect, DynamicSharedMemoryMustBeAskedFor) {
  constexpr int kMost = 227 * 1024;
  EXPECT_EQ(status_of(1, 1, 48 * 1024), cudaSuccess);
  EXPECT_EQ(status_of(1, 1, 48 * 1024 + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, kMost + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(nothing_else, cudaFuncAttributeMaxDynamicSharedMemorySize, kMost), cudaSuccess);
  EXPECT_EQ(status_of(1, 1, kMost), cudaErrorInvalidValue);  // another kernel asked
  EXPECT_EQ(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, kMost), cudaSuccess);
  EXPECT_EQ(status_of(1, 1, kMost), cudaSuccess);
  EXPECT_EQ(status_of(1, 1, kMost + 1), cudaErrorInvalidValue);
}

__global__ void dynamic_and_static(float* y) { y[0] = static_shared<Row>().values[0] + dynamic_shared<float>()[0]; }

TEST(PlantedDefect, SharedMemoryIsLimitedAltogether) {
  DeviceArray<float> y(1);
  MCNN_CUDA(cudaFuncSetAttribute(dynamic_and_static, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  EXPECT_EQ(error_of(dynamic_and_static, {1, 1, 227 * 1024 - sizeof(Row)}, y), "");
  expect_error("asks for 232452 bytes of shared memory, 232448 are the most", dynamic_and_static, {1, 1, 227 * 1024 - sizeof(Row) + 4}, y);
  expect_error("the launch gave none", dynamic_and_static, {1, 1}, y);
}

TEST(PlantedDefect, FreeAndCopyWhatIsNotThere) {
  float host[8] = {};
  float* x;
  MCNN_CUDA(cudaMalloc(&x, 32));
  EXPECT_EQ(cudaMemcpy(x, host, 32, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(x, host, 33, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host, host + 1, 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(x + 1, 0, 32), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(x + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(x), cudaSuccess);
  EXPECT_EQ(cudaFree(x), cudaErrorInvalidValue);
}

// A grid that ended by an error does not affect the next one.
TEST(PlantedDefect, TheNextLaunchIsSound) {
  DeviceArray<float> x(64), y(64);
  MCNN_CUDA(cudaMemset(x, 0, 256));
  EXPECT_NE(error_of(barrier_in_each_branch, {1, 64}, x), "");
  EXPECT_EQ(error_of(copy<float, 4>, {1, 16}, x, y), "");
  EXPECT_EQ(y[63], 0.f);
}

}  // namespace
}  // namespace mcnn::cuda
