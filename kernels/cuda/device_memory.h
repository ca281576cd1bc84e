// Device memory behind the arena, and a buffer that grows.
#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "runtime/memory.h"

namespace mcnn::cuda {

/// Whether MCNN_CUDA_SEPARATE is set. No step is recorded then: a tensor does not lie where it lay before.
bool tensors_are_separate();

/// An arena reserves far more than there is; memory is mapped behind the addresses as the arena's use of them rises.
/// Where MCNN_CUDA_SEPARATE is set each tensor is a cudaMalloc: compute-sanitizer and the emulator then see overruns between tensors.
class DeviceMemory final : public Memory {
 public:
  void* reserve(std::size_t bytes) override;
  void commit(void* address, std::size_t bytes) override;
  void release(void* address, std::size_t bytes) override;
  bool separate() const override { return separate_; }
  void* allocate(std::size_t bytes) override;
  void free(void* address) override;
  std::size_t available() const override;

 private:
  std::map<void*, std::size_t> mapped_;  // bytes from the start of each reservation
  bool separate_ = tensors_are_separate();
};

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  ~DeviceBuffer();
  /// At least `bytes`, aligned to 256; what it held is lost when it grows.
  void* at_least(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }
  /// From now on memory that it grows out of stays, for the recorded steps that use it.
  void keep() { kept_ = true; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  bool kept_ = false;
  std::vector<void*> outgrown_;
};

}  // namespace mcnn::cuda
