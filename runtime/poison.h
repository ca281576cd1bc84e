// Tells AddressSanitizer which memory must not be used at the moment. Does nothing in other builds.
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
