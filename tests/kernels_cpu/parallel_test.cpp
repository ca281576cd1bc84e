// What a part throws arrives where the loop was called, and the other parts are carried out.
#include "kernels/cpu/cuts/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "emulator/sanitizers.h"

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

TEST(ParallelFor, EveryPartIsCarriedOutOnce) {
  for (int round = 0; round < 2000; ++round) {
    const int threads = 1 + round % 5;
    const int64_t parts = round % 7 * 3;
    std::vector<std::atomic<int>> times(static_cast<std::size_t>(parts));
    parallel_for(threads, parts, [&](int64_t part) { ++times[static_cast<std::size_t>(part)]; });
    for (const auto& count : times) ASSERT_EQ(count, 1) << round;
    if (round % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the team falls asleep
  }
}

TEST(ParallelFor, ALoopInALoopIsCarriedOut) {
  std::atomic<int> carried_out = 0;
  parallel_for(3, 6, [&](int64_t) { parallel_for(3, 5, [&](int64_t) { ++carried_out; }); });
  EXPECT_EQ(carried_out, 30);
}

TEST(ParallelFor, CallersOnSeveralThreadsDoNotMeet) {
  std::atomic<int> carried_out = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) parallel_for(3, 8, [&](int64_t) { ++carried_out; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(carried_out, 4 * 200 * 8);
}

/// What a loop of 40 parts on 4 threads comes to in a child of fork(), in which `prepare` has run; -1 where it hangs or dies.
template <class Prepare>
int parts_in_a_child(const Prepare& prepare) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    prepare();
    std::atomic<int> carried_out = 0;
    parallel_for(4, 40, [&](int64_t) { ++carried_out; });
    parallel_for(4, 40, [&](int64_t) { ++carried_out; });
    _exit(carried_out);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ParallelFor, AChildOfForkHasThreadsOfItsOwn) {
  parallel_for(4, 40, [](int64_t) {});  // the parent has a team
  EXPECT_EQ(parts_in_a_child([] {}), 80);
  EXPECT_EQ(parts_in_a_child([] { EXPECT_EQ(parts_in_a_child([] {}), 80); }), 80);  // and a grandchild
  std::atomic<int> carried_out = 0;
  parallel_for(4, 40, [&](int64_t) { ++carried_out; });
  EXPECT_EQ(carried_out, 40);
}

TEST(ParallelFor, FewerThreadsDoWhereNoMoreCanBeMade) {
  if (simt::address_sanitizer() || simt::thread_sanitizer()) GTEST_SKIP() << "SKIPPED: a sanitizer needs address space of its own";
  EXPECT_EQ(parts_in_a_child([] {
              rlimit none{1 << 20, 1 << 20};  // less than is in use: no stack for a thread can be had
              setrlimit(RLIMIT_AS, &none);
            }),
            80);
}

}  // namespace
}  // namespace mcnn::cpu
