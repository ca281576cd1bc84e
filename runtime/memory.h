// Where a backend's memory comes from. An arena takes one reservation and parcels it out.
#pragma once
#include <cstddef>

namespace mcnn {

class Memory {
 public:
  virtual ~Memory() = default;
  /// Address space for `bytes`, aligned to 4096, that costs nothing until touched where the system allows it.
  /// Throws Error if not even the addresses can be had.
  virtual void* reserve(std::size_t bytes) = 0;
  /// Reserves `bytes`, or, where address space is limited (ulimit -v, strict overcommit), about a quarter of what there is, `least` at
  /// least; `bytes` is what it became. Throws Error if not even `least` can be had.
  void* reserve_most(std::size_t& bytes, std::size_t least);
  /// Says that the first `bytes` of the reservation at `address` are about to be used: for memory that does not come by being
  /// touched. Throws Error when there is none left.
  virtual void commit(void* /*address*/, std::size_t /*bytes*/) {}
  virtual void release(void* address, std::size_t bytes) = 0;
  /// Whether each tensor is an allocation of its own, so that a checker of accesses sees a step from one into the next: for debugging.
  virtual bool separate() const { return false; }
  /// Exactly `bytes`, > 0, aligned to 256, where separate(). Throws Error when there is none left.
  virtual void* allocate(std::size_t /*bytes*/) { return nullptr; }
  virtual void free(void* /*address*/) {}
  /// Bytes that can be touched now without pushing anything out.
  virtual std::size_t available() const = 0;
};

/// The host's own memory.
Memory& host_memory();

/// Addresses that stand for no memory: an arena over it measures what a program would need without needing it.
Memory& imaginary_memory();

}  // namespace mcnn
