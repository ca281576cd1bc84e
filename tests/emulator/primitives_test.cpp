// Every primitive of the emulator behaves as CUDA's manual says, in every order of threads.
// Next: emulator/device_warp.h, emulator/grid.h.
#include <gtest/gtest.h>

#include "emulator/async_copies.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "tests/emulator/device_array.h"
#include "tests/emulator/every_order.h"

namespace mcnn::cuda {
namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void write_indices(uint3* thread, uint3* block) {
  const unsigned at = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned of_block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned i = of_block * blockDim.x * blockDim.y * blockDim.z + at;
  thread[i] = threadIdx;
  block[i] = blockIdx;
}

TEST(Primitives, EveryThreadOfEveryBlockRunsOnceWithItsIndices) {
  in_every_order([] {
    const dim3 blocks(3, 2, 4), threads(5, 3, 2);
    DeviceArray<uint3> thread(24 * 30), block(24 * 30);
    launch(write_indices, {blocks, threads}, nullptr, thread, block);
    for (unsigned i = 0; i < 24 * 30; ++i) {
      const uint3 t = thread[i], b = block[i];
      EXPECT_EQ(t.x + 5 * (t.y + 3 * t.z), i % 30);
      EXPECT_EQ(b.x + 3 * (b.y + 2 * b.z), i / 30);
      EXPECT_TRUE(t.x < 5 && t.y < 3 && t.z < 2 && b.x < 3 && b.y < 2 && b.z < 4);
    }
  });
}

struct Tree {
  float sums[256];
};

__global__ void sum_of_block(const float* x, float* sum) {
  auto& tree = static_shared<Tree>();
  const unsigned t = threadIdx.x;
  tree.sums[t] = x[blockIdx.x * 256 + t];
  for (unsigned half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) tree.sums[t] += tree.sums[t + half];
  }
  if (t == 0) sum[blockIdx.x] = tree.sums[0];
}

TEST(Primitives, BarriersSeparatePhases) {
  in_every_order([] {
    DeviceArray<float> x(4 * 256), sum(4);
    for (int i = 0; i < 4 * 256; ++i) x[i] = static_cast<float>(i);
    launch(sum_of_block, {4, 256}, nullptr, x, sum);
    for (int b = 0; b < 4; ++b) EXPECT_EQ(sum[b], 256 * (256 * b + 127.5f));
  });
}

__global__ void count_odd(int* counts) {
  const int odd = threadIdx.x % 2;
  counts[3 * threadIdx.x] = __syncthreads_count(odd);
  counts[3 * threadIdx.x + 1] = __syncthreads_or(threadIdx.x == 7);
  counts[3 * threadIdx.x + 2] = __syncthreads_and(threadIdx.x != 7);
}

TEST(Primitives, BarriersCountPredicates) {
  in_every_order([] {
    DeviceArray<int> counts(3 * 45);
    launch(count_odd, {1, 45}, nullptr, counts);
    for (int i = 0; i < 45; ++i) EXPECT_TRUE(counts[3 * i] == 22 && counts[3 * i + 1] == 1 && counts[3 * i + 2] == 0);
  });
}

// As on sm_70 and later: a barrier waits for the threads that have not exited.
__global__ void some_exit_early(int* x) {
  if (threadIdx.x >= 40) return;
  x[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  const int next = x[(threadIdx.x + 1) % 40];
  __syncthreads();
  x[threadIdx.x] = next;
}

TEST(Primitives, BarriersDoNotWaitForThreadsThatExited) {
  in_every_order([] {
    DeviceArray<int> x(64);
    launch(some_exit_early, {1, 64}, nullptr, x);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(x[i], (i + 1) % 40);
  });
}

template <class T>
struct Shuffled {
  T idx, up, down, xor_, idx8, up8, down8, xor8;
};

template <class T>
__global__ void shuffle(Shuffled<T>* out) {
  const T mine = static_cast<T>(10 + threadIdx.x);
  const int lane = static_cast<int>(threadIdx.x % 32);
  out[threadIdx.x] = {__shfl_sync(kAll, mine, 3 * lane + 1),    __shfl_up_sync(kAll, mine, 5),
                      __shfl_down_sync(kAll, mine, 5),          __shfl_xor_sync(kAll, mine, 19),
                      __shfl_sync(kAll, mine, 3 * lane + 1, 8), __shfl_up_sync(kAll, mine, 5, 8),
                      __shfl_down_sync(kAll, mine, 5, 8),       __shfl_xor_sync(kAll, mine, 19, 8)};
}

template <class T>
void expect_shuffles() {
  in_every_order([] {
    DeviceArray<Shuffled<T>> out(64);
    launch(shuffle<T>, {1, 64}, nullptr, out);
    for (int i = 0; i < 64; ++i) {
      const int lane = i % 32, warp = i - lane, segment = i - lane % 8;
      const auto value = [](int of) { return static_cast<T>(10 + of); };
      const Shuffled<T>& found = out[i];
      EXPECT_EQ(found.idx, value(warp + (3 * lane + 1) % 32));
      EXPECT_EQ(found.up, value(lane >= 5 ? i - 5 : i));
      EXPECT_EQ(found.down, value(lane + 5 < 32 ? i + 5 : i));
      EXPECT_EQ(found.xor_, value(warp + (lane ^ 19)));
      EXPECT_EQ(found.idx8, value(segment + (3 * lane + 1) % 8));
      EXPECT_EQ(found.up8, value(lane % 8 >= 5 ? i - 5 : i));
      EXPECT_EQ(found.down8, value(lane % 8 + 5 < 8 ? i + 5 : i));
      // PTX: shfl.bfly reads when the source is not above the segment's last lane.
      EXPECT_EQ(found.xor8, value((lane ^ 19) <= (lane | 7) ? warp + (lane ^ 19) : i));
    }
  });
}

TEST(Primitives, ShufflesOfInt) { expect_shuffles<int>(); }
TEST(Primitives, ShufflesOfUnsigned) { expect_shuffles<unsigned>(); }
TEST(Primitives, ShufflesOfFloat) { expect_shuffles<float>(); }
TEST(Primitives, ShufflesOfDouble) { expect_shuffles<double>(); }

/// The two halves of a warp shuffle separately, at two source lines at the same time.
__global__ void shuffle_by_halves(int* out) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 16)
    out[t] = __shfl_sync(0x0000ffffu, t, 15 - t);
  else
    out[t] = __shfl_xor_sync(0xffff0000u, t, 1);
}

TEST(Primitives, PartsOfAWarpShuffleApart) {
  in_every_order([] {
    DeviceArray<int> out(32);
    launch(shuffle_by_halves, {1, 32}, nullptr, out);
    for (int i = 0; i < 32; ++i) EXPECT_EQ(out[i], i < 16 ? 15 - i : i ^ 1);
  });
}

__global__ void vote(unsigned* out) {
  const unsigned t = threadIdx.x, mask = 0x00ffff00u;
  if (t < 8 || t >= 24) return;
  out[5 * t] = __ballot_sync(mask, t % 3 == 0);
  out[5 * t + 1] = __any_sync(mask, t == 9);
  out[5 * t + 2] = __all_sync(mask, t != 9);
  out[5 * t + 3] = __reduce_add_sync(mask, t);
  out[5 * t + 4] = __reduce_max_sync(mask, t % 20);
}

TEST(Primitives, Votes) {
  in_every_order([] {
    DeviceArray<unsigned> out(5 * 32);
    launch(vote, {1, 32}, nullptr, out);
    unsigned thirds = 0;
    for (unsigned i = 8; i < 24; ++i)
      if (i % 3 == 0) thirds |= 1u << i;
    for (int i = 8; i < 24; ++i) {
      EXPECT_EQ(out[5 * i], thirds);
      EXPECT_EQ(out[5 * i + 1], 1u);
      EXPECT_EQ(out[5 * i + 2], 0u);
      EXPECT_EQ(out[5 * i + 3], 16 * 31 / 2u);
      EXPECT_EQ(out[5 * i + 4], 19u);
    }
  });
}

__global__ void warp_phases(int* x) {
  const unsigned t = threadIdx.x;
  x[t] = static_cast<int>(t);
  __syncwarp();
  const int other = x[t ^ 31];
  __syncwarp();
  x[t] = other;
}

TEST(Primitives, SyncwarpSeparatesPhasesOfAWarp) {
  in_every_order([] {
    DeviceArray<int> x(64);
    launch(warp_phases, {1, 64}, nullptr, x);
    for (int i = 0; i < 64; ++i) EXPECT_EQ(x[i], i ^ 31);
  });
}

__global__ void count_atomically(unsigned* counters, float* sum, int* extremes) {
  atomicAdd(&counters[0], 1u);
  atomicInc(&counters[1], 9u);
  atomicOr(&counters[2], 1u << threadIdx.x % 32);
  atomicAdd(sum, 0.5f);
  atomicMax(&extremes[0], static_cast<int>(threadIdx.x));
  atomicMin(&extremes[1], static_cast<int>(threadIdx.x));
  if (atomicCAS(&counters[3], 0u, threadIdx.x + 1) == 0u) atomicExch(&counters[4], threadIdx.x + 1);
}

TEST(Primitives, Atomics) {
  in_every_order([] {
    DeviceArray<unsigned> counters(5);
    DeviceArray<float> sum(1);
    DeviceArray<int> extremes(2);
    MCNN_CUDA(cudaMemset(counters, 0, 20));
    sum[0] = 0.f;
    extremes[0] = extremes[1] = 50;
    launch(count_atomically, {4, 101}, nullptr, counters, sum, extremes);
    EXPECT_EQ(counters[0], 404u);
    EXPECT_EQ(counters[1], 4u);
    EXPECT_EQ(counters[2], ~0u);
    EXPECT_EQ(counters[3], counters[4]);
    EXPECT_EQ(sum[0], 202.f);
    EXPECT_EQ(extremes[0], 100);
    EXPECT_EQ(extremes[1], 0);
  });
}

__global__ void sum_of_warp(int* out) {
  struct Lane {
    int value, sum;
  } mine{static_cast<int>(threadIdx.x), 0};
  simt::warp_exchange("sum", kAll, mine, [](auto& lanes) {
    for (Lane* to : lanes)
      for (Lane* from : lanes) to->sum += from->value;
  });
  out[threadIdx.x] = mine.sum;
}

TEST(Primitives, TwinsOfWarpWideInstructionsSeeTheWholeWarp) {
  in_every_order([] {
    DeviceArray<int> out(64);
    launch(sum_of_warp, {1, 64}, nullptr, out);
    for (int i = 0; i < 64; ++i) EXPECT_EQ(out[i], i < 32 ? 496 : 496 + 1024);
  });
}

__global__ void pipeline(const float* x, float* before, float* after) {
  float* stage = dynamic_shared<float>();  // (2, 32)
  const unsigned t = threadIdx.x;
  simt::copy_async(&stage[t], &x[t], 4);
  simt::commit_copies();
  simt::copy_async(&stage[32 + t], &x[32 + t], 4);
  simt::commit_copies();
  before[t] = stage[t];
  simt::wait_for_copies(1);
  __syncthreads();
  after[t] = stage[31 - t];
  before[32 + t] = stage[63 - t];
  __syncthreads();
  simt::wait_for_copies(0);
  __syncthreads();
  after[32 + t] = stage[63 - t];
}

TEST(Primitives, AsynchronousCopiesArriveWhenTheyAreWaitedFor) {
  in_every_order([] {
    DeviceArray<float> x(64), before(64), after(64);
    for (int i = 0; i < 64; ++i) x[i] = static_cast<float>(i);
    launch(pipeline, {1, 32, 256}, nullptr, x, before, after);
    for (int i = 0; i < 64; ++i) {
      EXPECT_TRUE(std::isnan(before[i]));
      EXPECT_EQ(after[i], i < 32 ? 31 - i : 95 - i);
    }
  });
}

template <class S>
__global__ void read_fresh(float* out) {
  out[3 * blockIdx.x] = static_shared<S>().sums[5];
  out[3 * blockIdx.x + 1] = dynamic_shared<float>()[7];
  __syncthreads();
  static_shared<S>().sums[5] = 1.f;
  dynamic_shared<float>()[7] = 2.f;
  out[3 * blockIdx.x + 2] = static_shared<S>().sums[5] + dynamic_shared<float>()[7];
}

TEST(Primitives, FreshMemoryIsNanForEveryBlock) {
  DeviceArray<float> out(9);
  for (const float x : out.values()) EXPECT_TRUE(std::isnan(x));
  launch(read_fresh<Tree>, {3, 1, 1024}, nullptr, out);
  for (int b = 0; b < 3; ++b) {
    EXPECT_TRUE(std::isnan(out[3 * b]));
    EXPECT_TRUE(std::isnan(out[3 * b + 1]));
    EXPECT_EQ(out[3 * b + 2], 3.f);
  }
}

TEST(Primitives, KernelsHaveNames) {
  const char* name = nullptr;
  MCNN_CUDA(cudaFuncGetName(&name, reinterpret_cast<const void*>(shuffle<double>)));
  EXPECT_STREQ(name, "shuffle<double>");
}

}  // namespace
}  // namespace mcnn::cuda
