// Contract: team.h.
#include "kernels/cpu/cuts/team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace mcnn::cpu {
namespace {

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == 4);  // what a futex is

void sleep_while(Word& word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void wake(Word& word, int threads) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Returns when `word` is no longer `value`. `sleepers` counts who sleeps, so that a change without one makes no system call.
void wait_while(Word& word, uint32_t value, Word& sleepers) {
  constexpr int kPauses = 1000;  // 15 to 50 us: a pause takes 40 to 140 cycles
  constexpr int kYields = 3000;  // about a millisecond, if nobody else wants the processor: as long as a step is serial now and then
  for (int spin = 0; spin < kPauses + kYields; ++spin) {
    if (word.load(std::memory_order_acquire) != value) return;
    if (spin < kPauses)
      pause();
    else
      sched_yield();
  }
  ++sleepers;
  while (word.load() == value) sleep_while(word, value);
  --sleepers;
}

std::atomic<uint32_t> forks{0};  // of this process since the program began

void count_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  (void)registered;
}

thread_local bool in_loop = false;  // this thread runs a part: a loop inside it runs serially. Always true in a worker

class Team {
 public:
  Team() { count_forks(), born_after_ = forks; }
  ~Team() {
    if (!is_alive()) return;
    ending_ = true;
    start_loop();
    for (std::thread& worker : workers_) worker.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// False in a child of fork(): the workers are the parent's.
  bool is_alive() const { return born_after_ == forks.load(std::memory_order_relaxed); }

  /// In a child of fork() the workers do not exist and cannot be joined, and ~thread() would end the program. So the vector is leaked on
  /// purpose.
  void forget_workers() { new std::vector<std::thread>(std::move(workers_)); }

  void run(int threads, int64_t parts, void (*work)(const void*, int64_t), const void* context) {
    grow(threads - 1);
    work_ = work, context_ = context, parts_ = parts, workers_used_ = threads - 1;
    next_.store(0, std::memory_order_relaxed);
    gate_.store(0, std::memory_order_release);  // open
    start_loop();
    in_loop = true;
    take_parts();
    in_loop = false;
    for (uint32_t inside = gate_.fetch_or(kClosed) | kClosed; inside != kClosed; inside = gate_.load())
      wait_while(gate_, inside, master_sleeps_);
  }

 private:
  static constexpr uint32_t kClosed = 0x80000000u;

  void grow(int workers) {
    while (static_cast<int>(workers_.size()) < workers && !exhausted_) {
      try {
        workers_.emplace_back([this, index = static_cast<int>(workers_.size())] { live(index); });
      } catch (const std::system_error&) {  // no more threads for this process: fewer will do
        exhausted_ = true;
      }
    }
  }

  void start_loop() {
    ++loop_;
    if (sleeping_.load() > 0) wake(loop_, INT_MAX);
  }

  void live(int index) {
    in_loop = true;
    for (uint32_t seen = 0; !ending_;) {
      wait_while(loop_, seen, sleeping_);
      seen = loop_.load();
      if (!enter()) continue;
      if (index < workers_used_) take_parts();
      leave();
    }
  }

  /// False if the loop is closed. Between enter() and leave() run() does not return, so the loop's members do not change.
  bool enter() {
    uint32_t inside = gate_.load(std::memory_order_relaxed);
    do {
      if (inside & kClosed) return false;
    } while (!gate_.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire));
    return true;
  }
  void leave() {
    --gate_;
    if (master_sleeps_.load() > 0) wake(gate_, 1);
  }

  void take_parts() {
    for (int64_t part; (part = next_.fetch_add(1, std::memory_order_relaxed)) < parts_;) work_(context_, part);
  }

  void (*work_)(const void*, int64_t) = nullptr;
  const void* context_ = nullptr;
  int64_t parts_ = 0;
  int workers_used_ = 0;
  uint32_t born_after_ = 0;
  bool exhausted_ = false;
  std::atomic<bool> ending_{false};
  std::vector<std::thread> workers_;
  // Each in a cache line of its own: they are written by different threads.
  alignas(64) std::atomic<int64_t> next_{0};  // the first part that nobody has taken
  alignas(64) Word loop_{0};                  // number of loops so far
  Word sleeping_{0};
  alignas(64) Word gate_{kClosed};  // workers in the loop, and kClosed
  Word master_sleeps_{0};
};

}  // namespace

void run_on_team(int threads, int64_t parts, void (*work)(const void*, int64_t), const void* context) {
  if (parts < 2 || threads < 2 || in_loop) {
    for (int64_t part = 0; part < parts; ++part) work(context, part);
    return;
  }
  thread_local std::unique_ptr<Team> team;
  if (team && !team->is_alive()) {
    team->forget_workers();
    team.reset();
  }
  if (!team) team = std::make_unique<Team>();
  team->run(threads, parts, work, context);
}

}  // namespace mcnn::cpu
