#include "kernels/cuda/uploads.h"

#include <cstring>

#include "kernels/cuda/check.h"
#include "runtime/error.h"

namespace mcnn::cuda {

Uploads::Uploads() {
  MCNN_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  for (Staged& staged : ring_) MCNN_CUDA(cudaEventCreateWithFlags(&staged.copied, cudaEventDisableTiming));
}

Uploads::~Uploads() {
  cudaStreamSynchronize(stream_);
  for (Staged& staged : ring_) {
    cudaEventDestroy(staged.copied);
    cudaFreeHost(staged.memory);
  }
  cudaStreamDestroy(stream_);
}

void Uploads::copy(const void* source, void* target, std::size_t bytes, cudaStream_t reader) {
  Staged& staged = ring_[next_++ % ring_.size()];
  MCNN_CUDA(cudaEventSynchronize(staged.copied));  // waits until its copy of two batches ago is done
  if (bytes > staged.bytes) {
    MCNN_CUDA(cudaFreeHost(staged.memory));
    staged = {nullptr, 0, staged.copied};
    if (cudaMallocHost(&staged.memory, bytes) != cudaSuccess)
      fail("no {:.3f} GB of page-locked memory for a batch", static_cast<double>(bytes) * 1e-9);
    staged.bytes = bytes;
  }
  std::memcpy(staged.memory, source, bytes);
  MCNN_CUDA(cudaMemcpyAsync(target, staged.memory, bytes, cudaMemcpyHostToDevice, stream_));
  MCNN_CUDA(cudaEventRecord(staged.copied, stream_));
  MCNN_CUDA(cudaStreamWaitEvent(reader, staged.copied, 0));
}

}  // namespace mcnn::cuda
