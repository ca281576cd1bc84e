// The step arena: tensors come and go by the thousand in one training step, in the same order every step.
// It parcels one reservation out (lowest hole that fits, holes merge), so a step whose shapes were seen before
// touches no new memory, and peak() is what a step really needs. Over separate memory each tensor is an allocation of its own.
#pragma once
#include <cstddef>
#include <map>
#include <memory>

#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace mcnn {

class Arena {
 public:
  /// Reserves `capacity` bytes of addresses (imaginary memory: without limit), or as many as can be had where these are limited; only
  /// what is handed out gets touched.
  explicit Arena(Memory& memory, std::size_t capacity = std::size_t{1} << 38);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// An uninitialised tensor, 64-byte aligned; its memory returns when the last copy of the handle goes.
  /// The arena's memory outlives every tensor, also when the Arena object goes first. One thread only.
  /// Throws Error when the reservation is used up.
  Tensor tensor(Shape shape, DType type = DType::f32);

  std::size_t in_use() const;  ///< bytes handed out now
  std::size_t peak() const;    ///< highest address ever handed out: what has been touched

  /// A recorded step writes again to blocks that were given back: AddressSanitizer is told that it may, until they are handed
  /// out and given back anew. Nothing else changes.
  void unguard() const;

  /// Fills every block with 0xFF (a NaN in each float type) as it is handed out: reads of fresh memory show.
  void fill_fresh(bool on);

 private:
  struct Blocks;
  std::shared_ptr<Blocks> blocks_;
};

}  // namespace mcnn
