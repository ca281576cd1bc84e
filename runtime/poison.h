// AddressSanitizer's shadow: memory that must not be used at the moment. Nothing happens in other builds. The question here is
// whether this code is instrumented; emulator/sanitizers.h asks whether the program is, as the emulator itself never is. Asking
// the program here as well would let libmcnn.so poison a GPU's addresses in an instrumented program, which AddressSanitizer
// refuses.
#pragma once
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__  // clang states it by __has_feature
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace mcnn {
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kPoisons = true;
#else
inline constexpr bool kPoisons = false;
#endif
}  // namespace mcnn
