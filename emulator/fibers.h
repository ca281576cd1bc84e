// A fiber is a stack and the place where its code stopped. Switching costs nanoseconds (Boost.Context's fcontext), and the
// sanitizers are told, as far as they are linked into the program.
// Next: grid.cpp runs one CUDA thread on each.
#pragma once
#include <cstddef>

namespace simt {

struct Fiber {
  void* stack = nullptr;    ///< lowest address
  void* context = nullptr;  ///< where to go on
  void (*body)() = nullptr;
  void* fake_stack = nullptr;       ///< AddressSanitizer's
  void* sanitizer_fiber = nullptr;  ///< ThreadSanitizer's
  char done = 0, seen = 0;          ///< addresses for ThreadSanitizer: before the last fence; at atomics (fences.h)
};

/// Lets `body` begin on the fiber at its next resume. body() must not return but leave by suspend_for_good(). Gives the fiber
/// a stack if it has none. Whatever ran there before is forgotten.
void prepare(Fiber& fiber, void (*body)());
/// For a fiber whose code will not be gone on with.
void give_up(Fiber& fiber);
/// From the scheduler: runs the fiber until it suspends.
void resume(Fiber& fiber);
/// From the running fiber: back to the scheduler.
void suspend();
[[noreturn]] void suspend_for_good();

}  // namespace simt
