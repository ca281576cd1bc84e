// The rungs of the ladder of matrix products, and the rule that chooses one.
// Next: product.cuh implements them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "runtime/dtype.h"

namespace mcnn::cuda {

enum class ProductRung : uint8_t {
  naive,        ///< reads each operand element from global memory and transforms it, for every use
  tiled,        ///< transforms operands into shared memory once, element by element; any number of channels
  vectorised,   ///< 128-bit accesses, 8 x 4 sums a thread
  tensor_core,  ///< multiplies by mma.sync: bf16, fp16, and fp32 as three products of tf32, or as one
  pipelined,    ///< the same, and loads the next tiles of the operands at the same time
};

/// `capability` 75, 80, ...: mma.sync of bf16 and tf32 needs 80, that of fp16 does not.
constexpr bool has_tensor_cores_for(DType storage, int capability) { return capability >= 80 || storage == DType::f16; }

/// `whole_vectors`: every operand's rows are whole 128-bit vectors.
constexpr ProductRung rung_for(DType storage, bool whole_vectors, int capability) {
  if (!whole_vectors) return ProductRung::tiled;
  return has_tensor_cores_for(storage, capability) ? ProductRung::pipelined : ProductRung::vectorised;
}

/// `requested`, or the highest rung below it that is possible, instead of the rule's: for tests and benchmarks.
constexpr ProductRung rung_for(DType storage, bool whole_vectors, int capability, std::optional<ProductRung> requested) {
  const ProductRung highest = rung_for(storage, whole_vectors, capability);
  return requested ? std::min(*requested, highest) : highest;
}

}  // namespace mcnn::cuda
