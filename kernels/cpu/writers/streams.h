// When a map is written past the caches.
#pragma once
#include <cstdint>
#include <type_traits>

#include "runtime/tensor.h"

namespace mcnn::cpu {

/// A map larger than this is out of cache before its reader comes: it is written past the caches, which saves reading the lines that
/// are written over.
inline constexpr int64_t kStreamBytes = 16 << 20;

/// Whether rows of `map` may be stored so, in pieces of `channels`: whole lines, at every piece's start. fp32 with
/// AVX-512 only: the panels of narrower vectors are no whole lines.
template <class T>
bool streams(const Tensor& map, int64_t channels) {
  return std::is_same_v<T, float> && channels * sizeof(T) % 64 == 0 && static_cast<int64_t>(map.bytes()) > kStreamBytes &&
         map.c() * sizeof(T) % 64 == 0 && reinterpret_cast<std::uintptr_t>(map.raw()) % 64 == 0;
}

}  // namespace mcnn::cpu
