// Allocates tensors from one reservation of addresses. A new tensor takes the lowest hole that fits; neighbouring holes merge.
// Used for tensors that live long (parameters, moments, batches), and by Program::plan(), which runs one over imaginary_memory() to
// find where a step's tensors lie. Over separate memory (Memory::separate) each tensor is its own allocation.
// Next: workspace.h holds the memory of steps; kernels/program.h plans it.
#pragma once
#include <cstddef>
#include <map>
#include <memory>

#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace mcnn {

class Arena {
 public:
  /// Reserves `capacity` bytes of addresses (without limit over imaginary memory), or as many as the system allows. Only memory of
  /// tensors is touched.
  explicit Arena(Memory& memory, std::size_t capacity = std::size_t{1} << 38);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// An uninitialised tensor, aligned to 64 bytes. Its memory is free again when the last copy of the tensor is destroyed. Tensors may
  /// outlive the Arena object. For one thread only. Throws Error if no hole is large enough.
  Tensor tensor(Shape shape, DType type = DType::f32);

  std::size_t in_use() const;  ///< bytes of all tensors now, with padding
  std::size_t peak() const;    ///< bytes up to the end of the highest tensor so far: all memory that was ever touched

 private:
  struct Blocks;
  std::shared_ptr<Blocks> blocks_;
};

}  // namespace mcnn
