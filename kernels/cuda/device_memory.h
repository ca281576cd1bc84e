// Device memory behind the arena, and a buffer that grows.
#pragma once
#include <cstddef>

#include "runtime/memory.h"

namespace mcnn::cuda {

class DeviceMemory final : public Memory {
 public:
  void* reserve(std::size_t bytes) override;
  void release(void* address, std::size_t bytes) override;
  std::size_t available() const override;
};

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  ~DeviceBuffer();
  /// At least `bytes`, aligned to 256; what it held is lost when it grows.
  void* at_least(std::size_t bytes);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace mcnn::cuda
