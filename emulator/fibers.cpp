// Switching between fibers, and what AddressSanitizer and ThreadSanitizer are told of it. Contract: fibers.h. Next: grid.cpp.
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

constexpr std::size_t kStackBytes = std::size_t{256} << 10;  // touched pages alone cost memory
constexpr std::size_t kGuardBytes = 4096;
constexpr unsigned kNoSynchronisation = 1;  // ThreadSanitizer: a switch orders nothing

Fiber* running = nullptr;
Fiber scheduler;  // the program's own stack: bottom and size as AddressSanitizer tells them
const void* scheduler_bottom = nullptr;
std::size_t scheduler_bytes = 0;

void arrive(void* fake_stack) {
  if (address_sanitizer()) __sanitizer_finish_switch_fiber(fake_stack, &scheduler_bottom, &scheduler_bytes);
}

/// `fake_stack`: where AddressSanitizer leaves the fiber's; null: the fiber ends.
void leave(void** fake_stack) {
  if (thread_sanitizer()) __tsan_switch_to_fiber(scheduler.sanitizer_fiber, kNoSynchronisation);
  if (address_sanitizer()) __sanitizer_start_switch_fiber(fake_stack, scheduler_bottom, scheduler_bytes);
  scheduler.context = context::jump_fcontext(scheduler.context, nullptr).fctx;
}

void enter(context::transfer_t from) {
  arrive(nullptr);
  scheduler.context = from.fctx;
  reinterpret_cast<void (*)()>(from.data)();
}

/// Whoever acquires `to` acquires what has been released to `from` so far, and nothing of what the running fiber has done since:
/// a fiber that the scheduler makes for this takes it there.
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
  // Tops a multiple of 4096 apart would all fall into the same few sets of the first-level cache.
  const std::size_t stagger = reinterpret_cast<std::uintptr_t>(fiber.stack) / kStackBytes % 61 * 64;
  char* top = static_cast<char*>(fiber.stack) + kStackBytes - stagger;
  fiber.context = context::make_fcontext(top, kStackBytes - kGuardBytes - stagger, enter);
  fiber.body = body;
  fiber.fake_stack = nullptr;
}

// Frames that never return leave AddressSanitizer's red zones, and entries on ThreadSanitizer's stack.
void give_up(Fiber& fiber) {
  if (address_sanitizer()) __asan_unpoison_memory_region(static_cast<char*>(fiber.stack) + kGuardBytes, kStackBytes - kGuardBytes);
  if (thread_sanitizer() && fiber.sanitizer_fiber) {
    void* self = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber.sanitizer_fiber, kNoSynchronisation);
    __tsan_switch_to_fiber(self, 0);  // what the fiber did lies before what follows
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
  leave(&self.fake_stack);
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
  leave(nullptr);
  __builtin_unreachable();
}

}  // namespace simt
