// The rungs of the ladder of matrix products, and which of them a product takes.
// Next: product.cuh climbs it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "runtime/dtype.h"

namespace mcnn::cuda {

enum class ProductRung : uint8_t {
  naive,        ///< every operand element from global memory, transformed again for every use
  tiled,        ///< operands transformed once into shared memory, element by element; any number of channels
  vectorised,   ///< 128-bit accesses, 8 x 4 sums a thread
  tensor_core,  ///< the sums by mma.sync: bf16, fp16, and fp32 as three products of tf32, or as one
  pipelined,    ///< the same, with the next piece of the operands under way meanwhile
};

/// `capability` 75, 80, ...: mma.sync of bf16 and tf32 came with 80; fp16's was there before.
constexpr bool has_tensor_cores_for(DType storage, int capability) { return capability >= 80 || storage == DType::f16; }

/// `whole_vectors`: every operand's rows are whole 128-bit vectors.
constexpr ProductRung rung_for(DType storage, bool whole_vectors, int capability) {
  if (!whole_vectors) return ProductRung::tiled;
  return has_tensor_cores_for(storage, capability) ? ProductRung::pipelined : ProductRung::vectorised;
}

/// `wanted`, or the highest below it that can be had, in place of the rule: for tests and benchmarks.
constexpr ProductRung rung_for(DType storage, bool whole_vectors, int capability, std::optional<ProductRung> wanted) {
  const ProductRung highest = rung_for(storage, whole_vectors, capability);
  return wanted ? std::min(*wanted, highest) : highest;
}

}  // namespace mcnn::cuda
