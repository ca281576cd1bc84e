// Measures the kernels of a recorded step. The graph has an event node after each kernel, so the host does not wait in between.
// Next: recording.cpp uses it; runtime/profiler.h makes tables of the times.
#pragma once
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "runtime/kernel_time.h"

namespace mcnn::cuda {

class KernelTimes {
 public:
  KernelTimes() = default;
  KernelTimes(const KernelTimes&) = delete;
  ~KernelTimes();

  /// While it exists, kernels launched by this thread are timed. One at a time.
  class [[nodiscard]] Taking {
   public:
    Taking(KernelTimes& times, cudaStream_t stream);
    Taking(const Taking&) = delete;
    ~Taking();
  };
  /// The times of the last replay, which must be done.
  std::vector<KernelTime> times() const;

 private:
  friend void time_launch(const std::string& name, cudaStream_t stream);
  void add(const std::string& name, cudaStream_t stream);
  struct Launch {
    std::string kernel;
    int operation;
    cudaEvent_t end;
  };
  std::vector<Launch> launches_;  // the first marks the beginning and has no kernel
};

/// KernelTime::operation of the kernels that this thread launches from now on.
int& marked_operation();
/// Records an event after a launch. Does nothing unless a KernelTimes::Taking exists.
void time_launch(const std::string& name, cudaStream_t stream);

}  // namespace mcnn::cuda
