// The memory of a backend. An Arena or a Workspace makes one reservation and divides it among tensors.
#pragma once
#include <cstddef>

namespace mcnn {

class Memory {
 public:
  virtual ~Memory() = default;
  /// Reserves addresses for `bytes`, aligned to 4096. Physical memory is used only when it is touched or committed. Throws Error if the
  /// system refuses.
  virtual void* reserve(std::size_t bytes) = 0;
  /// Reserves `bytes`. Where address space is limited (ulimit -v, strict overcommit) it reserves about a quarter of the limit, but not
  /// less than `least`, and sets `bytes` to that size. Throws Error if `least` is refused too.
  void* reserve_most(std::size_t& bytes, std::size_t least);
  /// Called before the first `bytes` of the reservation at `address` are used: GPU memory is mapped here. Throws Error if memory runs out.
  virtual void commit(void* /*address*/, std::size_t /*bytes*/) {}
  virtual void release(void* address, std::size_t bytes) = 0;
  /// Whether each tensor is a separate allocation, so that memory checkers find accesses beyond a tensor. For debugging.
  virtual bool separate() const { return false; }
  /// If separate(): exactly `bytes` (> 0), aligned to 256. Throws Error if memory runs out.
  virtual void* allocate(std::size_t /*bytes*/) { return nullptr; }
  virtual void free(void* /*address*/) {}
  /// Bytes that can be used now without swapping.
  virtual std::size_t available() const = 0;
};

/// Host memory.
Memory& host_memory();

/// Addresses without memory behind them. Planning a program over it shows how much memory the program needs.
Memory& imaginary_memory();

}  // namespace mcnn
