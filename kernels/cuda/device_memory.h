// Device memory for arenas and workspaces, and a buffer that grows.
// Next: virtual_memory.h maps memory to reserved addresses.
#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "runtime/memory.h"

namespace mcnn::cuda {

/// Whether MCNN_CUDA_SEPARATE is set. Then no step is recorded, since tensors' addresses change from step to step.
bool tensors_are_separate();

/// reserve() reserves addresses only, far more than the device has memory; commit() maps memory to them as it is needed.
/// With MCNN_CUDA_SEPARATE each tensor has its own cudaMalloc, so that compute-sanitizer and the emulator find accesses beyond a tensor.
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
  std::map<void*, std::size_t> mapped_;  // per reservation: bytes mapped, from its start
  bool separate_ = tensors_are_separate();
};

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  ~DeviceBuffer();
  /// At least `bytes`, aligned to 256. Growing discards the contents.
  void* at_least(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }
  /// From now on growing does not free the previous memory, which recorded steps still use.
  void keep() { kept_ = true; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  bool kept_ = false;
  std::vector<void*> outgrown_;
};

}  // namespace mcnn::cuda
