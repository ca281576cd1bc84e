// Merging by the last block (kernels/cuda/last_block.cuh): the same bits for every order of blocks, launch after launch; and each possible
// mistake is found. A missing fence is found only by ThreadSanitizer.
// Next: kernels/cuda/last_block.cuh.
#include "kernels/cuda/last_block.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "emulator/sanitizers.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "tests/emulator/device_array.h"
#include "tests/emulator/every_order.h"

namespace mcnn::cuda {
namespace {

constexpr int kColumns = 48;  // of a block's 32 x 2 threads

/// sum[c] of the blocks' 1/(block + c + 1), each a part (blocks, kColumns).
__global__ void sum_over_blocks(float* parts, unsigned* arrivals, MergeTree tree, float* sum) {
  const int c = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  if (c < kColumns) store<float, 1>(parts + blockIdx.x * kColumns + c, {1.f / static_cast<float>(blockIdx.x + c + 1)});
  merge_if_last(arrivals, tree, blockIdx.x, gridDim.x, [&](int first, int count, int step, bool whole) {
    if (c >= kColumns) return;
    float total = 0.f;
    for (int i = 0; i < count; ++i) total += load<float, 1>(parts + (first + i * step) * kColumns + c)[0];
    store<float, 1>(whole ? sum + c : parts + first * kColumns + c, {total});
  });
}

class LastBlock : public testing::TestWithParam<int> {
 protected:
  const int blocks = GetParam();
  const MergeTree tree{blocks};
  DeviceArray<float> parts{static_cast<std::size_t>(blocks * kColumns)}, sum{kColumns};
  DeviceArray<unsigned> arrivals{static_cast<std::size_t>(tree.arrivals)};
};

TEST_P(LastBlock, MergesEveryPartOnceInTheOrderOfTheParts) {
  MCNN_CUDA(cudaMemset(arrivals, 0, arrivals.values().size_bytes()));
  std::vector<float> first;
  in_every_order([&] {
    for (float& s : sum.values()) s = NAN;
    launch(sum_over_blocks, {static_cast<unsigned>(blocks), {32, 2}}, nullptr, parts, arrivals, tree, sum);
    if (first.empty()) first.assign(sum.values().begin(), sum.values().end());
    for (int c = 0; c < kColumns; ++c) {
      double expected = 0;
      for (int b = 0; b < blocks; ++b) expected += 1. / (b + c + 1);
      EXPECT_NEAR(sum[c], expected, 1e-5 * expected);
      EXPECT_EQ(sum[c], first[static_cast<std::size_t>(c)]);
    }
    for (const unsigned counter : arrivals.values()) EXPECT_EQ(counter, 0u);
  });
}

INSTANTIATE_TEST_SUITE_P(Blocks, LastBlock, testing::Values(1, 2, 16, 17, 32, 33, 300));

enum class Mistake { none, no_counter, counter_never_0_again, no_fence_before, no_fence_after };

/// arrives_last, correct or with one mistake.
template <Mistake kMistake>
__device__ bool comes_last(unsigned* counter) {
  __syncthreads();
  bool last = false;
  if (threadIdx.x == 0) {
    if (kMistake != Mistake::no_fence_before) __threadfence();
    if (kMistake == Mistake::no_counter)
      last = blockIdx.x == gridDim.x - 1;
    else if (kMistake == Mistake::counter_never_0_again)
      last = atomicAdd(counter, 1u) == gridDim.x - 1;
    else
      last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
    if (kMistake != Mistake::no_fence_after) __threadfence();
  }
  return __syncthreads_or(last);
}

/// sum[t] of the blocks' numbers.
template <Mistake kMistake>
__global__ void sum_numbers(float* parts, unsigned* counter, float* sum) {
  const unsigned t = threadIdx.x;
  parts[blockIdx.x * blockDim.x + t] = static_cast<float>(blockIdx.x);
  if (!comes_last<kMistake>(counter)) return;
  float total = 0.f;
  for (unsigned b = 0; b < gridDim.x; ++b) total += parts[b * blockDim.x + t];
  sum[t] = total;
}

/// How many of `launches` launches, in this order of blocks, give the sum of 5 blocks.
template <Mistake kMistake>
int right_sums(simt::Options options, int launches) {
  const simt::Options before = std::exchange(simt::options(), options);
  DeviceArray<float> sum(64);
  DeviceArray<unsigned> counter(1);
  MCNN_CUDA(cudaMemset(counter, 0, 4));
  int right = 0;
  for (int i = 0; i < launches; ++i) {
    DeviceArray<float> parts(5 * 64);
    for (float& s : sum.values()) s = NAN;
    launch(sum_numbers<kMistake>, {5, 64}, nullptr, parts, counter, sum);
    right += std::all_of(sum.values().begin(), sum.values().end(), [](float s) { return s == 10.f; });
  }
  simt::options() = before;
  return right;
}

TEST(PlantedDefect, MergingWithoutATicketShowsInOtherOrdersThanTheFirst) {
  if (simt::thread_sanitizer()) GTEST_SKIP() << "ThreadSanitizer tells it: below";
  EXPECT_EQ(right_sums<Mistake::no_counter>({simt::Order::ascending}, 2), 2);
  EXPECT_EQ(right_sums<Mistake::no_counter>({simt::Order::descending}, 2), 0);
  EXPECT_EQ(right_sums<Mistake::none>({simt::Order::descending}, 2), 2);
}

TEST(PlantedDefect, ATicketThatIsNotZeroAgainShowsInTheSecondLaunch) {
  EXPECT_EQ(right_sums<Mistake::counter_never_0_again>({simt::Order::shuffled, 1}, 3), 1);
  EXPECT_EQ(right_sums<Mistake::none>({simt::Order::shuffled, 1}, 3), 3);
}

TEST(ThreadSanitizerDeathTest, MergingNeedsTheTicketAndBothFences) {
  if (!simt::thread_sanitizer()) GTEST_SKIP() << "needs the preset tsan";
  const simt::Options order{simt::Order::ascending};  // every part is there when it is read: the race alone is wrong
  EXPECT_DEATH(right_sums<Mistake::no_counter>(order, 1), "data race(.|\n)*sum_numbers");
  EXPECT_DEATH(right_sums<Mistake::no_fence_before>(order, 1), "data race(.|\n)*sum_numbers");
  EXPECT_DEATH(right_sums<Mistake::no_fence_after>(order, 1), "data race(.|\n)*sum_numbers");
  EXPECT_EXIT(std::exit(right_sums<Mistake::none>(order, 3)), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace mcnn::cuda
