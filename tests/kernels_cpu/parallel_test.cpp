// What a part throws arrives where the loop was called, and the other parts are carried out.
#include "kernels/cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>

namespace mcnn::cpu {
namespace {

TEST(ParallelFor, AnExceptionLeavesTheThreadsAlive) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<int> carried_out = 0;
    const auto work = [&](int64_t part) {
      if (part % 5 == 3) throw std::bad_alloc();
      ++carried_out;
    };
    EXPECT_THROW(parallel_for(threads, 20, work), std::bad_alloc) << threads;
    EXPECT_EQ(carried_out, 16) << threads;
  }
}

}  // namespace
}  // namespace mcnn::cpu
