// One way to fail for every CUDA library: the expression, what it returned, and what that means.
// A kernel's own failure is seen later, by whatever call comes next: that names what was launched since the last wait.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

namespace mcnn::cuda {

/// Throws Error: "cudaMalloc(&p, bytes): out of memory (2)"; of a kernel that failed meanwhile "fill_elements: unspecified launch
/// failure (719)" if it can be no other, else the kernels, or the recorded step, that it was among.
[[noreturn]] void fail_call(const char* expression, cudaError_t status);
/// Throws Error naming the kernel and its configuration.
[[noreturn]] void fail_launch(const void* kernel, dim3 blocks, dim3 threads, std::size_t shared_bytes, cudaError_t status);

/// Whether MCNN_CUDA_SYNC is set: each launch is waited for, so that a failure names its kernel, and no step is recorded.
bool every_launch_waits();
/// Of a kernel that has been launched: for messages, and for times where they are taken (kernel_times.h).
void note_launch(const void* kernel, cudaStream_t stream);
void note_replay();
/// Throws as fail_call().
void wait_for(cudaStream_t stream);

}  // namespace mcnn::cuda

#define MCNN_CUDA(expression)                                                          \
  do {                                                                                 \
    const cudaError_t mcnn_status = (expression);                                      \
    if (mcnn_status != cudaSuccess) ::mcnn::cuda::fail_call(#expression, mcnn_status); \
  } while (false)
