#include "kernels/cuda/kernel_times.h"

#include "kernels/cuda/check.h"

namespace mcnn::cuda {
namespace {
thread_local KernelTimes* taking = nullptr;
}

KernelTimes::KernelTimes() = default;

KernelTimes::~KernelTimes() {
  for (const Launch& launch : launches_) cudaEventDestroy(launch.end);
}

KernelTimes::Taking::Taking(KernelTimes& times, cudaStream_t stream) {
  taking = &times;
  times.add("", stream);
}
KernelTimes::Taking::~Taking() { taking = nullptr; }

void KernelTimes::add(const char* name, cudaStream_t stream) {
  cudaEvent_t event = nullptr;
  MCNN_CUDA(cudaEventCreate(&event));
  launches_.push_back({name, marked_operation(), event});
  MCNN_CUDA(cudaEventRecordWithFlags(event, stream, cudaEventRecordExternal));
}

std::vector<KernelTime> KernelTimes::times() const {
  std::vector<KernelTime> times;
  for (std::size_t i = 1; i < launches_.size(); ++i) {
    float milliseconds = 0;
    MCNN_CUDA(cudaEventElapsedTime(&milliseconds, launches_[i - 1].end, launches_[i].end));
    times.push_back({launches_[i].kernel, launches_[i].operation, milliseconds * 1e-3});
  }
  return times;
}

int& marked_operation() {
  thread_local int operation = 0;
  return operation;
}

void time_launch(const char* name, cudaStream_t stream) {
  if (taking) taking->add(name, stream);
}

}  // namespace mcnn::cuda
