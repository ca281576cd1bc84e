// Every parameter of a network in one launch: the device's side. Block b works on chunk b of the table (multi_tensor.h).
// Next: gradient_norm.cu, adamw.cu, sgd.cu, ema.cu.
#pragma once
#include <type_traits>

#include "kernels/cuda/multi_tensor.h"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

inline constexpr unsigned kChunkThreads = 256;

/// Calls visit(width, i) for elements i to i + width - 1 of the chunk, each element once: width is a compile-time 4 where
/// vectors are whole, else 1.
template <class Visit>
__device__ void for_each_element(const Chunk& chunk, const Visit& visit) {
  const int in_vectors = chunk.whole_vectors ? chunk.count / 4 * 4 : 0;
  for (int i = 4 * static_cast<int>(threadIdx.x); i < in_vectors; i += 4 * static_cast<int>(kChunkThreads))
    visit(std::integral_constant<int, 4>{}, i);
  for (int i = in_vectors + static_cast<int>(threadIdx.x); i < chunk.count; i += static_cast<int>(kChunkThreads))
    visit(std::integral_constant<int, 1>{}, i);
}

}  // namespace mcnn::cuda
