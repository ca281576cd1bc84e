// Weights as products read them: of the feature maps' storage type, so that tensor cores multiply them and asynchronous copies
// move them. A copy of each weight that a product has asked for is kept. When one that may have changed is asked for, one launch
// makes all anew that may have: once a step.
// Weights change by what is copied, filled, optimised and averaged; each step begins as if they had, so that a recorded step
// holds the launch.
#pragma once
#include <cuda_runtime.h>

#include <map>
#include <utility>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/multi_tensor.h"
#include "runtime/tensor.h"

namespace mcnn::cuda {

class StoredWeights {
 public:
  /// The elements of w, fp32, as `storage` (bf16 or f16), in their order.
  const void* of(const Tensor& w, DType storage, cudaStream_t stream);
  /// Whatever lies in this tensor's memory has changed.
  void changed(const Tensor& target);
  void all_changed();
  /// All have changed, and copies of what the last step did not ask for are dropped, unless they are kept.
  void begin_step();
  /// From now on copies stay, for the recorded steps that read them. The table of all of them is uploaded, for the next step's launch.
  void keep(cudaStream_t stream);

 private:
  struct Copy {
    Tensor w;  // kept alive with the copy
    DeviceBuffer memory;
    bool stale = true, asked = true;
  };
  void make_stale_ones(DType storage, cudaStream_t stream);

  std::map<std::pair<const void*, DType>, Copy> copies_;
  ChunkTable chunks_;
  bool kept_ = false;
};

}  // namespace mcnn::cuda
