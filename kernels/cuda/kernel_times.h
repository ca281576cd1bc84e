// Times of a recorded step's kernels: an event behind each, as a node of the graph, so that nothing waits for the host in between.
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

  /// What is launched from now on, on this thread, is timed: until the end of the returned object. One at a time.
  class [[nodiscard]] Taking {
   public:
    Taking(KernelTimes& times, cudaStream_t stream);
    Taking(const Taking&) = delete;
    ~Taking();
  };
  /// Of the last replay, which is done.
  std::vector<KernelTime> times() const;

 private:
  friend void time_launch(const std::string& name, cudaStream_t stream);
  void add(const std::string& name, cudaStream_t stream);
  struct Launch {
    std::string kernel;
    int operation;
    cudaEvent_t end;
  };
  std::vector<Launch> launches_;  // the first is the beginning
};

/// The operation that launches belong to from now on, on this thread.
int& marked_operation();
/// Nothing unless times are taken.
void time_launch(const std::string& name, cudaStream_t stream);

}  // namespace mcnn::cuda
