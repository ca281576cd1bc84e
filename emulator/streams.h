// The seam between runtime_api.cpp and memory.cpp, whose calls go to a stream, and streams.cpp, which knows what becomes of them.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

namespace simt {

using Work = std::function<cudaError_t()>;

/// Runs `work` now; where `stream` is being captured, puts it into the graph instead.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Runs `work` as late as a device might: when something waits for `stream`, or is given to it. In a capture as enqueue().
cudaError_t enqueue_late(cudaStream_t stream, Work work);

bool is_captured(cudaStream_t stream);
/// For calls that may not be made while a stream is captured: cudaErrorStreamCaptureUnsupported then, and the capture is lost.
cudaError_t refuse_in_capture();

/// What `run` throws is the kernel's failure: thrown on, or kept under options().asynchronous.
cudaError_t run_kernel(const std::function<void()>& run);
/// What every call returns once a kernel has failed under options().asynchronous; on a device it stays for good.
cudaError_t& failure();

/// Graphs launched since the program began.
int64_t& graph_launches();

}  // namespace simt
