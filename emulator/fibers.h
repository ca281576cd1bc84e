// Fibers: a fiber is a stack and the point at which its code was suspended. Switching takes nanoseconds (Boost.Context's fcontext).
// Sanitizers that are linked into the program are notified.
// Next: grid.cpp runs one CUDA thread on each fiber.
#pragma once
#include <cstddef>

namespace simt {

struct Fiber {
  void* stack = nullptr;    ///< lowest address
  void* context = nullptr;  ///< where to resume
  void (*body)() = nullptr;
  void* fake_stack = nullptr;       ///< AddressSanitizer's
  void* sanitizer_fiber = nullptr;  ///< ThreadSanitizer's
  char done = 0, seen = 0;          ///< addresses for ThreadSanitizer: before the last fence; at atomics (fences.h)
};

/// The next resume() starts `body` on the fiber. body() must not return but end with suspend_for_good(). Allocates a stack if the fiber has
/// none. Code that was suspended on the fiber is dropped.
void prepare(Fiber& fiber, void (*body)());
/// Cleans up a fiber whose code will not be resumed.
void give_up(Fiber& fiber);
/// Called by the scheduler: runs the fiber until it suspends.
void resume(Fiber& fiber);
/// Called by the running fiber: returns to the scheduler.
void suspend();
[[noreturn]] void suspend_for_good();

}  // namespace simt
