#include "kernels/cuda/device_memory.h"

#include <cuda_runtime.h>

#include "kernels/cuda/check.h"
#include "kernels/cuda/virtual_memory.h"

namespace mcnn::cuda {
namespace {
std::size_t whole_chunks(std::size_t bytes) { return (bytes + chunk_bytes() - 1) / chunk_bytes() * chunk_bytes(); }
}  // namespace

void* DeviceMemory::reserve(std::size_t bytes) {
  void* address = reserve_addresses(whole_chunks(bytes));
  mapped_[address] = 0;
  return address;
}

void DeviceMemory::commit(void* address, std::size_t bytes) {
  for (std::size_t& mapped = mapped_.at(address); mapped < bytes; mapped += chunk_bytes())
    map_chunk(static_cast<std::byte*>(address) + mapped);
}

void DeviceMemory::release(void* address, std::size_t bytes) {
  cudaDeviceSynchronize();  // kernels that use the memory may still run
  for (std::size_t mapped = mapped_.at(address); mapped > 0; mapped -= chunk_bytes())
    unmap_chunk(static_cast<std::byte*>(address) + mapped - chunk_bytes());
  mapped_.erase(address);
  release_addresses(address, whole_chunks(bytes));
}

std::size_t DeviceMemory::available() const { return free_bytes(); }

DeviceBuffer::~DeviceBuffer() { cudaFree(data_); }

void* DeviceBuffer::at_least(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  MCNN_CUDA(cudaFree(data_));  // waits for the kernels that use it
  data_ = nullptr;
  bytes_ = 0;
  MCNN_CUDA(cudaMalloc(&data_, bytes));
  bytes_ = bytes;
  return data_;
}

}  // namespace mcnn::cuda
