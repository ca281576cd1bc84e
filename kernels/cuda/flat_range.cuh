// Elementwise operations over a range: FlatRange distributes its elements over a launch. Block b has elements [b, b+1)*kRangeElements.
// Next: gradient_norm.cu, adamw.cu, sgd.cu, ema.cu, store_weights.cu.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

inline constexpr int kRangeElements = 4096;  // 16 KB of each fp32 tensor: 256 threads, four vectors each
inline constexpr unsigned kRangeThreads = 256;

struct FlatRange {
  int64_t count;
  bool whole_vectors;  // every tensor is aligned to 16 bytes

  /// The tensors have the same number of elements.
  template <class... Tensors>
  static FlatRange of(const Tensor& first, const Tensors&... others) {
    const auto aligned = [](const Tensor& x) { return reinterpret_cast<std::uintptr_t>(x.raw()) % 16 == 0; };
    return {first.size(), (aligned(first) && ... && aligned(others))};
  }
  unsigned blocks() const { return blocks_for(count, kRangeElements); }
  Grid grid() const { return {blocks(), kRangeThreads}; }

  /// Calls visit(width, i) for elements i to i + width - 1 of the block's part, each element once. width is a compile-time constant: 4
  /// for whole vectors, else 1.
  template <class Visit>
  __device__ void for_each_element(const Visit& visit) const {
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * kRangeElements;
    const int of_block = static_cast<int>(min(static_cast<int64_t>(kRangeElements), count - begin));
    const int in_vectors = whole_vectors ? of_block / 4 * 4 : 0;
    for (int i = 4 * static_cast<int>(threadIdx.x); i < in_vectors; i += 4 * static_cast<int>(kRangeThreads))
      visit(std::integral_constant<int, 4>{}, begin + i);
    for (int i = in_vectors + static_cast<int>(threadIdx.x); i < of_block; i += static_cast<int>(kRangeThreads))
      visit(std::integral_constant<int, 1>{}, begin + i);
  }
};

}  // namespace mcnn::cuda
