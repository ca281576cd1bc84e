// The scheduler of a launch: runs blocks in turn and a block's threads as fibers, in the order of options(); implements barriers and the
// rendezvous of a warp's lanes. Contract: grid.h.
// Next: fibers.h switches between threads, accesses.h counts accesses, shared_window.h is the block's shared memory.
#include "emulator/grid.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emulator/accesses.h"
#include "emulator/async_copies.h"
#include "emulator/fibers.h"
#include "emulator/kernel_names.h"
#include "emulator/sanitizers.h"
#include "emulator/shared_window.h"
#include "runtime/error.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace simt {
namespace {

constexpr unsigned kLanes = 32;
constexpr std::size_t kMostFibers = 4096;  // at most this many under ThreadSanitizer

enum class State { ready, at_barrier, in_warp, exited };

struct AsyncCopies {
  std::vector<AsyncCopy> pending;
  int group;  // that begins
};

struct Thread {
  Fiber* fiber;
  uint3 index;
  State state;
  Where barrier;  // that it waits at
  void* operand;  // of the warp operation that it waits in
  AsyncCopies copies;
};

/// Two addresses at which ThreadSanitizer orders a rendezvous, used alternately, since threads may arrive at the next one before all have
/// left the last.
struct Meetings {
  uint64_t addresses[2];
  unsigned met;
  void* now() { return &addresses[met % 2]; }
};
void release(void* address) {
  if (thread_sanitizer()) __tsan_release(address);
}
void acquire(void* address) {
  if (thread_sanitizer()) __tsan_acquire(address);
}

/// Lanes of a warp that wait for the rest of `mask`.
struct Group {
  unsigned mask, arrived;
  const char* what;
  Where where;
  void* meeting;  // the address for ThreadSanitizer
};

struct Warp {
  unsigned exited;  // bits of lanes; lanes beyond the end of the block count as exited
  unsigned groups;
  std::array<Group, kLanes> group;
};

struct Block {
  std::size_t threads, exited, at_barrier;
  Where barrier_where;
  int predicates, sum_of_predicates;  // of the barrier being filled, and of the last complete one
};

// One grid runs at a time. Stacks are kept for the next grid.
std::vector<Fiber> fibers;
std::size_t fibers_used;                      // by blocks of this grid so far
std::vector<std::vector<Meetings>> meetings;  // of the block, then of its warps; under ThreadSanitizer for every block
uint64_t grid_begins, grid_ends;              // ThreadSanitizer: addresses
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<unsigned> ready;
Block block;
Counters* counting;
unsigned current;
const void* running_kernel = nullptr;
const std::function<void()>* body;
std::string failure;
uint64_t random_state;

unsigned random_below(std::size_t n) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
  return static_cast<unsigned>((random_state >> 32) * n >> 32);
}

void arrange(std::vector<unsigned>& order) {
  switch (options().order) {
    case Order::ascending: return std::sort(order.begin(), order.end());
    case Order::descending: return std::sort(order.begin(), order.end(), std::greater<>());
    case Order::shuffled:
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_below(i)]);
  }
}

std::string text(uint3 i) { return fmt::format("({},{},{})", i.x, i.y, i.z); }
std::string text(Where w) { return fmt::format("{}:{}", w.file, w.line); }

std::span<Group> open_groups(Warp& warp) { return {warp.group.data(), warp.groups}; }

/// Describes what a thread waits for.
std::string waiting(const Thread& t) {
  const std::string subject = fmt::format("thread {} waits in", text(t.index));
  if (t.state == State::at_barrier) return fmt::format("{} __syncthreads at {}", subject, text(t.barrier));
  const auto number = static_cast<unsigned>(&t - threads.data());
  for (const Group& group : open_groups(warps[number / kLanes]))
    if (group.arrived >> number % kLanes & 1)
      return fmt::format("{} {} at {} for lanes {:#010x}", subject, group.what, text(group.where), group.mask);
  return subject + " nothing";
}

std::string place() { return fmt::format("{}, block {}", kernel_name(running_kernel), text(blockIdx)); }

/// The first lane that arrived in the group, in the running thread's warp.
Thread& first_of(const Group& group) { return threads[current / kLanes * kLanes + std::countr_zero(group.arrived)]; }

void make_ready(unsigned t) {
  threads[t].state = State::ready;
  ready.push_back(t);
}

void open_barrier() {
  ++meetings.back()[0].met;
  ++counting->barriers;
  merge_accesses();
  block.sum_of_predicates = block.predicates;
  block.predicates = 0;
  block.at_barrier = 0;
  for (unsigned t = 0; t < block.threads; ++t)
    if (threads[t].state == State::at_barrier) make_ready(t);
}

void exit_thread() {
  const Unseen unseen;
  Warp& warp = warps[current / kLanes];
  const unsigned bit = 1u << current % kLanes;
  for (const Group& group : open_groups(warp))
    if (group.mask & bit) fail_thread(fmt::format("it exits while {}", waiting(first_of(group))));
  threads[current].state = State::exited;
  warp.exited |= bit;
  ++block.exited;
  if (block.at_barrier && block.at_barrier + block.exited == block.threads) open_barrier();
}

/// The body of each fiber.
void run_thread() {
  acquire(&grid_begins);
  try {
    (*body)();
    exit_thread();
  } catch (const std::exception& error) {
    const Unseen unseen;
    failure = error.what();
  }
  release(&grid_ends);
  suspend_for_good();
}

void run_block() {
  const dim3 dim = blockDim;
  block = {.threads = std::size_t{dim.x} * dim.y * dim.z};
  if (threads.size() < block.threads) threads.resize(block.threads);
  // ThreadSanitizer should see blocks as concurrent: threads of different blocks get different fibers, up to kMostFibers. (A fiber that
  // runs threads of several blocks orders them.)
  const std::size_t kept = thread_sanitizer() ? std::max(kMostFibers, block.threads) : block.threads;
  if (fibers.size() < kept) fibers.resize(kept);
  warps.resize((block.threads + kLanes - 1) / kLanes);
  for (Warp& warp : warps) warp.exited = warp.groups = 0;
  if (const unsigned last = block.threads % kLanes) warps.back().exited = ~0u << last;
  if (meetings.empty() || thread_sanitizer()) meetings.emplace_back();
  meetings.back().assign(1 + warps.size(), {});
  release(&grid_begins);
  for (unsigned t = 0; t < block.threads; ++t) {
    threads[t].fiber = &fibers[fibers_used++ % kept];
    prepare(*threads[t].fiber, run_thread);
    threads[t].index = {t % dim.x, t / dim.x % dim.y, t / dim.x / dim.y};
    threads[t].copies.pending.clear();
    threads[t].copies.group = 0;
    make_ready(t);
  }
  std::vector<unsigned> batch;
  while (!ready.empty()) {
    batch.swap(ready);
    ready.clear();
    arrange(batch);
    for (const unsigned t : batch) {
      current = t;
      threadIdx = threads[t].index;
      resume(*threads[t].fiber);
      if (!failure.empty()) mcnn::fail("{}", failure);
    }
  }
  if (block.exited == block.threads) return;
  const auto blocked = [](const Thread& t) { return t.state != State::exited; };
  const auto first = std::find_if(threads.begin(), threads.end(), blocked);
  const auto other =
      std::find_if(first, threads.begin() + block.threads, [&](const Thread& t) { return blocked(t) && t.state != first->state; });
  mcnn::fail("{}: deadlock: {}{}", place(), waiting(*first), other < threads.begin() + block.threads ? ", " + waiting(*other) : "");
}

}  // namespace

Options& options() {
  static Options options = [] {
    Options from_environment;
    if (const char* order = std::getenv("MCNN_SIM_ORDER")) {
      const std::string word = order;
      if (word == "ascending")
        from_environment.order = Order::ascending;
      else if (word == "descending")
        from_environment.order = Order::descending;
      else if (!word.empty() && word.find_first_not_of("0123456789") == std::string::npos)
        from_environment.seed = std::strtoull(order, nullptr, 10);
      else
        mcnn::fail("MCNN_SIM_ORDER is '{}', expected ascending, descending or the seed of a shuffle", word);
    }
    if (std::getenv("MCNN_SIM_COUNT")) {
      from_environment.count = true;
      std::atexit([] { std::fputs(counters_table().c_str(), stderr); });
    }
    return from_environment;
  }();
  return options;
}

void run_grid(const void* kernel, dim3 grid, dim3 block_size, std::size_t dynamic_shared_bytes, const std::function<void()>& thread) {
  if (running_kernel) mcnn::fail("{}: launched from inside {}", kernel_name(kernel), place());
  struct Running {
    explicit Running(const void* k) { running_kernel = k; }
    ~Running() {
      for (unsigned t = 0; t < block.threads; ++t)
        if (threads[t].state != State::exited) give_up(*threads[t].fiber);
      acquire(&grid_ends);
      close_shared_windows();
      meetings.clear();
      ready.clear();
      failure.clear();
      running_kernel = nullptr;
    }
  } running(kernel);
  fibers_used = 0;
  block = {};
  gridDim = grid;
  blockDim = block_size;
  body = &thread;
  random_state = options().seed;
  counting = &counters()[kernel_name(kernel)];
  count_into(counting);
  ++counting->launches;
  counting->blocks += static_cast<int64_t>(grid.x) * grid.y * grid.z;
  counting->threads += static_cast<int64_t>(grid.x) * grid.y * grid.z * block_size.x * block_size.y * block_size.z;
  if (!options().run) return noted_launches().push_back(grid);
  std::vector<unsigned> blocks(std::size_t{grid.x} * grid.y * grid.z);
  std::iota(blocks.begin(), blocks.end(), 0u);
  arrange(blocks);
  for (const unsigned b : blocks) {
    blockIdx = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
    open_shared_window(dynamic_shared_bytes);
    run_block();
    merge_accesses();
  }
}

unsigned thread_number() { return current; }

void copy_async(void* to, const void* from, std::size_t bytes) {
  const Unseen unseen;
  AsyncCopies& copies = threads[current].copies;
  copies.pending.push_back({to, from, bytes, copies.group});
}

void commit_copies() { ++threads[current].copies.group; }

bool take_copy(int groups, AsyncCopy& copy) {
  const Unseen unseen;
  AsyncCopies& copies = threads[current].copies;
  const auto next = std::find_if(copies.pending.begin(), copies.pending.end(),
                                 [&](const AsyncCopy& pending) { return pending.group < copies.group - groups; });
  if (next == copies.pending.end()) return false;
  copy = *next;
  copies.pending.erase(next);
  return true;
}

void fail_thread(const std::string& message) { mcnn::fail("{}, thread {}: {}", place(), text(threadIdx), message); }

/// Registers the running thread at a barrier. ThreadSanitizer ignores the accesses made here.
void* arrive_at_barrier(bool predicate, Where where) {
  const Unseen unseen;
  Thread& self = threads[current];
  if (block.at_barrier && !(block.barrier_where == where))
    fail_thread(fmt::format("it comes to __syncthreads at {} while others wait in the one at {}", text(where), text(block.barrier_where)));
  block.barrier_where = where;
  block.predicates += predicate;
  self.state = State::at_barrier;
  self.barrier = where;
  ++block.at_barrier;
  void* meeting = meetings.back()[0].now();
  release(meeting);
  if (block.at_barrier + block.exited == block.threads) open_barrier();
  return meeting;
}

int barrier(bool predicate, Where where) {
  void* meeting = arrive_at_barrier(predicate, where);
  suspend();
  acquire(meeting);
  return block.sum_of_predicates;
}

void meet(const char* what, unsigned mask, void* mine, void (*all)(void* const* lanes), Where where) {
  std::optional<Unseen> unseen(std::in_place);
  Warp& warp = warps[current / kLanes];
  const unsigned bit = 1u << current % kLanes, first = current / kLanes * kLanes;
  if (!(mask & bit))
    fail_thread(fmt::format("{} at {}: mask {:#010x} does not name the calling lane {}", what, text(where), mask, current % kLanes));
  if (mask & warp.exited)
    fail_thread(fmt::format("{} at {}: mask {:#010x} names lane {}, which has exited", what, text(where), mask,
                            std::countr_zero(mask & warp.exited)));
  // Lanes that wait for each other must wait at the same source line. (A lane that waits only for this one is checked when it arrives.)
  const auto for_each_other = [&](const Group& open) { return (open.mask & bit) && (mask & open.arrived); };
  std::span<Group> open = open_groups(warp);
  auto group = std::find_if(open.begin(), open.end(), for_each_other);
  if (group == open.end()) {
    Meetings& of_warp = meetings.back()[1 + current / kLanes];
    warp.group[warp.groups++] = {mask, 0, what, where, of_warp.now()};
    ++of_warp.met;
  } else if (group->mask != mask || std::strcmp(group->what, what) != 0 || !(group->where == where)) {
    fail_thread(fmt::format("it comes to {} at {} for lanes {:#010x}, but {}", what, text(where), mask, waiting(first_of(*group))));
  }
  Thread& self = threads[current];
  self.state = State::in_warp;
  self.operand = mine;
  group->arrived |= bit;
  void* meeting = group->meeting;
  release(meeting);
  if (group->arrived != mask) {
    unseen.reset();
    suspend();
    return acquire(meeting);
  }
  acquire(meeting);
  *group = warp.group[--warp.groups];
  ++counting->warp_operations;
  void* lanes[kLanes] = {};
  for (unsigned left = mask; left; left &= left - 1) lanes[std::countr_zero(left)] = threads[first + std::countr_zero(left)].operand;
  if (all) all(lanes);
  release(meeting);
  for (unsigned left = mask & ~bit; left; left &= left - 1) make_ready(first + std::countr_zero(left));
  self.state = State::ready;
}

}  // namespace simt
