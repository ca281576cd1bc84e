// Switches between fibers, and notifies AddressSanitizer and ThreadSanitizer. Contract: fibers.h. Next: grid.cpp.
#include "emulator/fibers.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstdint>

#include "emulator/fences.h"
#include "emulator/sanitizers.h"
#include "runtime/error.h"

namespace simt {
namespace {
namespace context = boost::context::detail;

constexpr std::size_t kStackBytes = std::size_t{256} << 10;  // only touched pages use memory
constexpr std::size_t kGuardBytes = 4096;
constexpr unsigned kNoSynchronisation = 1;  // ThreadSanitizer: the switch does not order accesses

Fiber* running = nullptr;
Fiber scheduler;  // the program's own stack; AddressSanitizer reports its bottom and size
const void* scheduler_bottom = nullptr;
std::size_t scheduler_bytes = 0;

void arrive(void* fake_stack) {
  if (address_sanitizer()) __sanitizer_finish_switch_fiber(fake_stack, &scheduler_bottom, &scheduler_bytes);
}

/// Switches to the scheduler. `fake_stack`: receives AddressSanitizer's fake stack of the fiber; null: the fiber ends.
void switch_to_scheduler(void** fake_stack) {
  if (thread_sanitizer()) __tsan_switch_to_fiber(scheduler.sanitizer_fiber, kNoSynchronisation);
  if (address_sanitizer()) __sanitizer_start_switch_fiber(fake_stack, scheduler_bottom, scheduler_bytes);
  scheduler.context = context::jump_fcontext(scheduler.context, nullptr).fctx;
}

void enter(context::transfer_t from) {
  arrive(nullptr);
  scheduler.context = from.fctx;
  reinterpret_cast<void (*)()>(from.data)();
}

/// ThreadSanitizer: makes an acquire of `to` also acquire everything released to `from` so far, but not the running fiber's own later
/// accesses. A temporary fiber acquires `from` and releases to `to`.
void pass_on(void* from, void* to) {
  void* self = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(scheduler.sanitizer_fiber, kNoSynchronisation);
  void* messenger = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(messenger, kNoSynchronisation);
  __tsan_acquire(from);
  __tsan_release(to);
  __tsan_switch_to_fiber(self, kNoSynchronisation);
  __tsan_destroy_fiber(messenger);
}

}  // namespace

void prepare(Fiber& fiber, void (*body)()) {
  if (!fiber.stack) {
    void* pages = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) mcnn::fail("simt: no addresses left for the stack of a thread");
    mprotect(pages, kGuardBytes, PROT_NONE);
    fiber.stack = pages;
  }
  // Staggered, because stack tops at multiples of 4096 would share a few sets of the first-level cache.
  const std::size_t stagger = reinterpret_cast<std::uintptr_t>(fiber.stack) / kStackBytes % 61 * 64;
  char* top = static_cast<char*>(fiber.stack) + kStackBytes - stagger;
  fiber.context = context::make_fcontext(top, kStackBytes - kGuardBytes - stagger, enter);
  fiber.body = body;
  fiber.fake_stack = nullptr;
}

// Frames that never returned have left red zones in AddressSanitizer's shadow and entries on ThreadSanitizer's stack: both are cleared.
void give_up(Fiber& fiber) {
  if (address_sanitizer()) __asan_unpoison_memory_region(static_cast<char*>(fiber.stack) + kGuardBytes, kStackBytes - kGuardBytes);
  if (thread_sanitizer() && fiber.sanitizer_fiber) {
    void* self = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber.sanitizer_fiber, kNoSynchronisation);
    __tsan_switch_to_fiber(self, 0);  // orders the fiber's accesses before what follows
    __tsan_destroy_fiber(fiber.sanitizer_fiber);
  }
  fiber.sanitizer_fiber = nullptr;
}

void resume(Fiber& fiber) {
  running = &fiber;
  if (thread_sanitizer()) {
    scheduler.sanitizer_fiber = __tsan_get_current_fiber();
    if (!fiber.sanitizer_fiber) fiber.sanitizer_fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(fiber.sanitizer_fiber, kNoSynchronisation);
  }
  if (address_sanitizer())
    __sanitizer_start_switch_fiber(&scheduler.fake_stack, static_cast<char*>(fiber.stack) + kGuardBytes, kStackBytes - kGuardBytes);
  fiber.context = context::jump_fcontext(fiber.context, reinterpret_cast<void*>(fiber.body)).fctx;
  if (address_sanitizer()) __sanitizer_finish_switch_fiber(scheduler.fake_stack, nullptr, nullptr);
}

void suspend() {
  Fiber& self = *running;
  switch_to_scheduler(&self.fake_stack);
  arrive(self.fake_stack);
}

void fence() {
  if (!thread_sanitizer()) return;
  __tsan_acquire(&running->seen);
  __tsan_release(&running->done);
}

void note_atomic(void* address) {
  if (!thread_sanitizer()) return;
  pass_on(address, &running->seen);
  pass_on(&running->done, address);
}

void suspend_for_good() {
  switch_to_scheduler(nullptr);
  __builtin_unreachable();
}

}  // namespace simt
