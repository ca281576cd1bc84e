// Functions of the sanitizers' runtimes that must be called. Weak: null if the program is built without that sanitizer.
#pragma once
#include <cstddef>

extern "C" {
// Fibers, for AddressSanitizer.
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* fake_stack_save, const void** bottom_old, std::size_t* size_old);
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* address, std::size_t size);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);

// LeakSanitizer ignores the calling thread's allocations between the two.
[[gnu::weak]] void __lsan_disable();
[[gnu::weak]] void __lsan_enable();

// ThreadSanitizer treats fibers as threads. Accesses before a release are visible to fibers that acquire the same address.
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_destroy_fiber(void* fiber);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
// Reads and writes. Not __tsan_ignore_thread_begin, which does the same: clang's programs do not export it to a plugin.
[[gnu::weak]] void AnnotateIgnoreReadsBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace simt {
inline bool address_sanitizer() { return __asan_poison_memory_region != nullptr; }
inline bool thread_sanitizer() { return __tsan_acquire != nullptr; }

/// While it lives, ThreadSanitizer ignores accesses of the calling fiber, which are the emulator's and not the kernel's. (The emulator is
/// compiled without instrumentation, but ThreadSanitizer intercepts allocations and memmove.)
struct Unseen {
  Unseen() {
    if (thread_sanitizer()) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~Unseen() {
    if (thread_sanitizer()) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unseen(const Unseen&) = delete;
};

/// While it lives, allocations of the calling thread are not reported as leaks.
struct Unreported {
  Unreported() {
    if (address_sanitizer()) __lsan_disable();
  }
  ~Unreported() {
    if (address_sanitizer()) __lsan_enable();
  }
  Unreported(const Unreported&) = delete;
};
}  // namespace simt
