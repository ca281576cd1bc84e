// Error checks for CUDA calls: an error names the expression, its error code and the code's meaning.
// A failure inside a kernel is reported by a later call. Its message names the kernels launched since the last wait.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

namespace mcnn::cuda {

/// Throws Error: "cudaMalloc(&p, bytes): out of memory (2)". If the status is a kernel's failure, the message names the kernel
/// ("fill_elements: unspecified launch failure (719)"), or the kernels or the recorded step that may have caused it.
[[noreturn]] void fail_call(const char* expression, cudaError_t status);
/// Throws Error naming the kernel and its configuration.
[[noreturn]] void fail_launch(const void* kernel, dim3 blocks, dim3 threads, std::size_t shared_bytes, cudaError_t status);

/// Whether MCNN_CUDA_SYNC is set. The host then waits for each launch, so that a failure names its kernel, and records no step.
bool every_launch_waits();
/// Records a launch for error messages and for kernel times (kernel_times.h).
void note_launch(const void* kernel, cudaStream_t stream);
void note_replay();
/// Waits for all work in the stream. Throws as fail_call().
void wait_for(cudaStream_t stream);

}  // namespace mcnn::cuda

#define MCNN_CUDA(expression)                                                          \
  do {                                                                                 \
    const cudaError_t mcnn_status = (expression);                                      \
    if (mcnn_status != cudaSuccess) ::mcnn::cuda::fail_call(#expression, mcnn_status); \
  } while (false)
