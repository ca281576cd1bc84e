// Memory for steps that never run at the same time: one reservation of addresses, of which as much is in use as the largest needs.
#pragma once
#include <cstddef>

#include "runtime/memory.h"

namespace mcnn {

class Workspace {
 public:
  /// Reserves `capacity` bytes of addresses, or as many as can be had where these are limited; nothing is in use yet.
  explicit Workspace(Memory& memory, std::size_t capacity = std::size_t{1} << 38);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  /// Puts the first `bytes` in use. Their address, aligned to 4096, never changes. Throws Error when the reservation is used up.
  std::byte* at_least(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }  ///< in use
  Memory& memory() const { return memory_; }

  /// Steps fill each tensor with 0xFF (a NaN in each float type) where its life begins: reads of fresh memory show. Host memory only.
  void fill_fresh(bool on) { fill_fresh_ = on; }
  bool fills_fresh() const { return fill_fresh_; }

 private:
  Memory& memory_;
  std::size_t capacity_, bytes_ = 0;
  std::byte* base_ = nullptr;
  bool fill_fresh_ = false;
};

}  // namespace mcnn
