// Copies from the host that run at the same time as kernels: through page-locked memory, on a separate stream.
// Next: CudaOps::copy_ahead (cuda_ops.cu) uses it for the next batch.
#pragma once
#include <cuda_runtime.h>

#include <array>
#include <cstddef>

namespace mcnn::cuda {

class Uploads {
 public:
  Uploads();
  Uploads(const Uploads&) = delete;
  ~Uploads();
  /// Copies `source` to page-locked memory before it returns, so the caller may free it. Work queued in `reader` after this call
  /// waits for the copy to the device; the copy does not wait for work queued before.
  void copy(const void* source, void* target, std::size_t bytes, cudaStream_t reader);

 private:
  struct Staged {
    void* memory = nullptr;
    std::size_t bytes = 0;
    cudaEvent_t copied = nullptr;
  };
  cudaStream_t stream_ = nullptr;
  std::array<Staged, 6> ring_;  // used in turn: pixels, flips and targets of two batches
  std::size_t next_ = 0;
};

}  // namespace mcnn::cuda
