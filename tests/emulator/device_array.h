// For tests: an array in device memory that the host may also access, and a launch on it.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <span>

#include "kernels/cuda/check.h"

namespace mcnn::cuda {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) { MCNN_CUDA(cudaMalloc(&data_, count * sizeof(T))); }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  operator T*() const { return data_; }
  std::span<T> values() const { return {data_, count_}; }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

}  // namespace mcnn::cuda
