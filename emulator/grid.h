// The core of the emulator. Blocks of a launch run one after another; each thread of a block is a fiber on the calling OS thread.
// A thread runs until it waits for others; simt::options() sets the order of threads.
// Kernels use it through the headers in include/, which have CUDA's names. Next: grid.cpp; accesses.h counts memory accesses.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "emulator/include/vector_types.h"

// Of the running CUDA thread: the scheduler sets them when it resumes a thread.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace simt {

/// A line of the kernel's source; here() as a default argument gives the caller's line.
struct Where {
  const char* file;
  int line;
  static Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
  bool operator==(const Where&) const = default;
};

/// The order in which threads of a block, and blocks of a grid, run if several are ready. Results must not depend on it.
enum class Order { ascending, descending, shuffled };
struct Options {
  Order order = Order::shuffled;
  uint64_t seed = 1;          ///< of Order::shuffled
  bool count = false;         ///< count accesses (counters.h)
  bool run = true;            ///< false: launches are checked and noted (counters.h), but no thread runs, and new memory is not filled
  bool asynchronous = false;  ///< report a kernel's mistake as a device does: every later call fails (streams.h, failure())
  std::size_t memory = std::size_t{1} << 62;  ///< bytes of device memory
};
/// Initialised from the environment. MCNN_SIM_ORDER: ascending, descending, or the seed of a shuffle. MCNN_SIM_COUNT: count accesses, and
/// print the table to stderr when the program ends.
Options& options();

/// Runs `thread` once for each thread of the grid. At the first mistake it stops the grid and throws mcnn::Error, one line that names
/// kernel, block and thread.
void run_grid(const void* kernel, dim3 grid, dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& thread);

/// The running thread's number in its block, counted along x, then y, then z.
unsigned thread_number();

/// The running block's shared memory under `key`; filled with 0xFF at the block's first call.
void* static_shared(const void* key, std::size_t bytes);
void* dynamic_shared();

/// Records a read or write of `bytes` at `address` by the running thread. All functions through which kernels access memory must call it,
/// inlined. Ends the kernel if the access is misaligned or outside device memory; counts it if options().count (counters.h).
void record_access(const void* address, int bytes, bool write);

/// Waits for all threads of the block that have not exited; returns the sum of their predicates.
int barrier(bool predicate, Where where);

/// Waits until all lanes in `mask` have called it with the same `what`, mask and source line. The last lane calls all(lanes) for the warp;
/// lanes[i] is lane i's `mine` (null: not in the mask).
void meet(const char* what, unsigned mask, void* mine, void (*all)(void* const* lanes), Where where);

/// Ends the running kernel: throws mcnn::Error whose message begins with kernel, block and thread.
[[noreturn]] void fail_thread(const std::string& message);

/// A warp-wide operation. Each lane's operands and results are in its struct `mine`. all(lanes) computes for the whole warp; lanes is
/// std::array<Lane*, 32>, null for lanes outside the mask. `all` must not capture anything.
///   struct Lane { float value, sum; } mine{x, 0.f};
///   warp_exchange("sum", 0xffffffff, mine, [](auto& lanes) { for (Lane* to : lanes) for (Lane* from : lanes) to->sum += from->value; });
template <class Lane, class All>
void warp_exchange(const char* what, unsigned mask, Lane& mine, All, Where where = Where::here()) {
  static_assert(std::is_empty_v<All>, "the function runs for the whole warp: it sees the lanes' structs, not one lane's variables");
  const auto all = [](void* const* lanes) {
    std::array<Lane*, 32> typed;
    for (int i = 0; i < 32; ++i) typed[i] = static_cast<Lane*>(lanes[i]);
    All{}(typed);
  };
  meet(what, mask, &mine, all, where);
}

}  // namespace simt
