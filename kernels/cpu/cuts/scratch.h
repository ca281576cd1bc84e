// Working memory of one kernel call: grows to the largest use and stays, one buffer per thread, so that no step
// allocates what an earlier one had.
#pragma once
#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <new>

namespace mcnn::cpu {

class Scratch {
 public:
  /// At least `count` uninitialised floats, 64-byte aligned, valid until the next call on the same object. Throws bad_alloc.
  float* floats(std::size_t count) {
    if (count > capacity_) {
      capacity_ = 0;
      memory_ = hwy::AllocateAligned<float>(count);
      if (!memory_) throw std::bad_alloc();
      capacity_ = count;
    }
    return memory_.get();
  }

 private:
  hwy::AlignedFreeUniquePtr<float[]> memory_;
  std::size_t capacity_ = 0;
};

/// The calling thread's own.
inline Scratch& thread_scratch() {
  static thread_local Scratch scratch;
  return scratch;
}

}  // namespace mcnn::cpu
