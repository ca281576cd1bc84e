// One way to fail for every CUDA library: the expression, what it returned, and what that means.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

namespace mcnn::cuda {

/// Throws Error: "cudaMalloc(&p, bytes): out of memory (2)".
[[noreturn]] void fail_call(const char* expression, cudaError_t status);
/// Throws Error naming the kernel and its configuration.
[[noreturn]] void fail_launch(const void* kernel, dim3 blocks, dim3 threads, std::size_t shared_bytes, cudaError_t status);

}  // namespace mcnn::cuda

#define MCNN_CUDA(expression)                                                          \
  do {                                                                                 \
    const cudaError_t mcnn_status = (expression);                                      \
    if (mcnn_status != cudaSuccess) ::mcnn::cuda::fail_call(#expression, mcnn_status); \
  } while (false)
