// Memory shared by steps that never run at the same time: one reservation of addresses, in use up to the size of the largest step.
// Next: kernels/program.h places a step's tensors in it.
#pragma once
#include <cstddef>

#include "runtime/memory.h"

namespace mcnn {

class Workspace {
 public:
  /// Reserves `capacity` bytes of addresses, or as many as the system allows. Nothing is in use yet.
  explicit Workspace(Memory& memory, std::size_t capacity = std::size_t{1} << 38);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  /// Makes the first `bytes` usable. Their address, aligned to 4096, never changes. Throws Error if the reservation is smaller.
  std::byte* at_least(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }  ///< in use
  Memory& memory() const { return memory_; }

  /// Programs then fill each tensor with 0xFF bytes (a NaN in every float type) where its life begins, so that reads of uninitialised
  /// memory show. Host memory only.
  void fill_fresh(bool on) { fill_fresh_ = on; }
  bool fills_fresh() const { return fill_fresh_; }

 private:
  Memory& memory_;
  std::size_t capacity_, bytes_ = 0;
  std::byte* base_ = nullptr;
  bool fill_fresh_ = false;
};

}  // namespace mcnn
