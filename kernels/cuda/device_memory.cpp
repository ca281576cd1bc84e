#include "kernels/cuda/device_memory.h"

#include <cuda_runtime.h>

#include <cstdlib>

#include "kernels/cuda/check.h"
#include "kernels/cuda/virtual_memory.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

[[noreturn]] void fail_out_of_memory(std::size_t bytes, std::size_t had) {
  constexpr double kGB = 1e-9;
  fail(
      "the GPU's memory is used up: {:.3f} GB are needed here, {:.3f} GB of these are allocated already, {:.3f} GB are free; a smaller "
      "[train] batch "
      "needs less",
      static_cast<double>(bytes) * kGB, static_cast<double>(had) * kGB, static_cast<double>(free_bytes()) * kGB);
}

std::size_t whole_chunks(std::size_t bytes) { return (bytes + chunk_bytes() - 1) / chunk_bytes() * chunk_bytes(); }
}  // namespace

bool tensors_are_separate() {
  const char* set = std::getenv("MCNN_CUDA_SEPARATE");
  return set && *set;
}

void* DeviceMemory::allocate(std::size_t bytes) {
  void* address = nullptr;
  const cudaError_t status = cudaMalloc(&address, bytes);
  if (status == cudaErrorMemoryAllocation) fail_out_of_memory(bytes, 0);
  if (status != cudaSuccess) fail_call("cudaMalloc", status);
  return address;
}

void DeviceMemory::free(void* address) { cudaFree(address); }  // waits for the kernels that use it

void* DeviceMemory::reserve(std::size_t bytes) {
  void* address = reserve_addresses(whole_chunks(bytes));
  mapped_[address] = 0;
  return address;
}

void DeviceMemory::commit(void* address, std::size_t bytes) {
  for (std::size_t& mapped = mapped_.at(address); mapped < bytes; mapped += chunk_bytes())
    if (!map_chunk(static_cast<std::byte*>(address) + mapped)) fail_out_of_memory(bytes, mapped);
}

void DeviceMemory::release(void* address, std::size_t bytes) {
  cudaDeviceSynchronize();  // kernels that use the memory may still run
  for (std::size_t mapped = mapped_.at(address); mapped > 0; mapped -= chunk_bytes())
    unmap_chunk(static_cast<std::byte*>(address) + mapped - chunk_bytes());
  mapped_.erase(address);
  release_addresses(address, whole_chunks(bytes));
}

std::size_t DeviceMemory::available() const { return free_bytes(); }

DeviceBuffer::~DeviceBuffer() {
  for (void* outgrown : outgrown_) cudaFree(outgrown);
  cudaFree(data_);
}

void* DeviceBuffer::at_least(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  if (kept_)
    outgrown_.push_back(data_);
  else
    MCNN_CUDA(cudaFree(data_));  // waits for the kernels that use it
  data_ = nullptr;
  bytes_ = 0;
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) fail_out_of_memory(bytes, 0);
  if (status != cudaSuccess) fail_call("cudaMalloc", status);
  bytes_ = bytes;
  return data_;
}

}  // namespace mcnn::cuda
