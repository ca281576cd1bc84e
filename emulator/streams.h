// The interface between runtime_api.cpp and memory.cpp, whose calls queue work in streams, and streams.cpp, which runs or captures it.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

namespace simt {

using Work = std::function<cudaError_t()>;

/// Runs `work` now; if `stream` is being captured, adds it to the graph instead.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Runs `work` as late as a device might: when something waits for `stream`, or other work is queued in it. In a capture as enqueue().
cudaError_t enqueue_late(cudaStream_t stream, Work work);

bool is_captured(cudaStream_t stream);
/// For calls that are not allowed while a stream is captured: returns cudaErrorStreamCaptureUnsupported and invalidates the capture.
cudaError_t refuse_in_capture();

/// Runs a kernel. An exception is the kernel's failure: it is rethrown, or, under options().asynchronous, stored in failure().
cudaError_t run_kernel(const std::function<void()>& run);
/// The error that every call returns after a kernel failed under options().asynchronous. On a device it cannot be cleared.
cudaError_t& failure();

/// Graphs launched since the program began.
int64_t& graph_launches();

}  // namespace simt
