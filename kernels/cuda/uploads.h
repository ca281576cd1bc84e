// Copies from the host that run beside the kernels: through page-locked memory, on a stream of their own.
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
  /// `source` may be gone when this returns. What `reader` is given from now on waits for the copy; the copy waits for nothing.
  void copy(const void* source, void* target, std::size_t bytes, cudaStream_t reader);

 private:
  struct Staged {
    void* memory = nullptr;
    std::size_t bytes = 0;
    cudaEvent_t copied = nullptr;
  };
  cudaStream_t stream_ = nullptr;
  std::array<Staged, 6> ring_;  // pixels, flips and targets of two batches
  std::size_t next_ = 0;
};

}  // namespace mcnn::cuda
