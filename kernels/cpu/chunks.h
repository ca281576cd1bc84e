// Cuts a list of tensors into chunks of fixed size, so that one parallel loop visits every parameter of a network: a few
// are large, hundreds are tiny.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace mcnn::cpu {

struct Chunk {
  std::size_t tensor;  ///< index into the list
  int64_t first, count;
};

/// size_of_tensor(i): elements of the i-th of `tensors`.
template <class SizeOf>
std::vector<Chunk> cut_into_chunks(std::size_t tensors, const SizeOf& size_of_tensor) {
  constexpr int64_t kElements = 16384;  // 64 KB of each operand: long enough for a thread, short enough to share out
  std::vector<Chunk> chunks;
  for (std::size_t i = 0; i < tensors; ++i)
    for (int64_t first = 0; first < size_of_tensor(i); first += kElements)
      chunks.push_back({i, first, std::min(kElements, size_of_tensor(i) - first)});
  return chunks;
}

}  // namespace mcnn::cpu
