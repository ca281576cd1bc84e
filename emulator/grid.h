// The emulator's core: a launch's blocks run one after another, each thread of a block a fiber on the calling OS thread.
// Threads run until they wait for others; who goes first is up to simt::options().
// The headers in include/ show it to the kernels under CUDA's names. Next: grid.cpp; accesses.h counts what the threads touch.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "emulator/include/vector_types.h"

// The calling thread's: set by the scheduler whenever a thread goes on.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace simt {

/// A line of the kernel's source, taken where a default argument is.
struct Where {
  const char* file;
  int line;
  static Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
  bool operator==(const Where&) const = default;
};

/// In which order the threads of a block, and the blocks of a grid, run when several could. Results must not depend on it.
enum class Order { ascending, descending, shuffled };
struct Options {
  Order order = Order::shuffled;
  uint64_t seed = 1;          ///< of the shuffle
  bool count = false;         ///< accesses: counters.h
  bool run = true;            ///< false: launches are checked and noted (counters.h), no thread runs, and fresh memory stays untouched
  bool asynchronous = false;  ///< a kernel's mistake shows as on a device: every later call fails (streams.h, failure())
  std::size_t memory = std::size_t{1} << 62;  ///< bytes that the device has
};
/// At first from the environment. MCNN_SIM_ORDER: ascending, descending, or the seed of a shuffle. MCNN_SIM_COUNT: accesses are
/// counted, and the table is printed to stderr when the program ends.
Options& options();

/// Runs `thread` once for each thread of the grid. Throws mcnn::Error, one line that names kernel, block and thread, at the
/// first mistake that is found; the grid is given up then.
void run_grid(const void* kernel, dim3 grid, dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& thread);

/// Counts through the block: x, then y, then z.
unsigned thread_number();

/// The running block's memory under `key`, filled with 0xFF when its first thread asks.
void* static_shared(const void* key, std::size_t bytes);
void* dynamic_shared();

/// A thread of the running block reads or writes `bytes` at `address`: to be called, inlined, by whatever a kernel reaches memory
/// through. Ends the kernel where that is not aligned or outside of the device's memory; counted if options().count (counters.h).
void record_access(const void* address, int bytes, bool write);

/// Waits for all threads of the block that have not exited; the sum of their predicates.
int barrier(bool predicate, Where where);

/// Waits until all lanes in `mask` have called with the same `what`, mask and place. The last to come calls all(lanes) for the
/// warp, where lanes[i] is lane i's `mine` (null: not in mask).
void meet(const char* what, unsigned mask, void* mine, void (*all)(void* const* lanes), Where where);

/// Ends the running kernel: throws mcnn::Error with kernel, block and thread before the message.
[[noreturn]] void fail_thread(const std::string& message);

/// A warp-wide operation with each lane's operands and results in a struct `mine` of that lane. all(lanes) computes for the
/// whole warp; lanes is std::array<Lane*, 32>, null where the mask has no bit. `all` captures nothing.
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
