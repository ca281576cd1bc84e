#include "kernels/cuda/kernel_times.h"

#include "kernels/cuda/check.h"

namespace mcnn::cuda {
namespace {
thread_local KernelTimes* taking = nullptr;
}

KernelTimes::~KernelTimes() {
  for (const Launch& launch : launches_)
    if (launch.end) cudaEventDestroy(launch.end);
}

KernelTimes::Taking::Taking(KernelTimes& times, cudaStream_t stream) {
  times.add("", stream);
  taking = &times;
}
KernelTimes::Taking::~Taking() { taking = nullptr; }

void KernelTimes::add(const std::string& name, cudaStream_t stream) {
  Launch& launch = launches_.emplace_back(Launch{name, marked_operation(), nullptr});
  MCNN_CUDA(cudaEventCreate(&launch.end));
  MCNN_CUDA(cudaEventRecordWithFlags(launch.end, stream, cudaEventRecordExternal));
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

void time_launch(const std::string& name, cudaStream_t stream) {
  if (taking) taking->add(name, stream);
}

}  // namespace mcnn::cuda
