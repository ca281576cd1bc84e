// Records a step as a CUDA graph: its launches are captured once and then replayed by a single cudaGraphLaunch.
// A capture must not allocate. So the step first runs normally, which grows scratch memory to the size it needs, and is captured in a
// second pass.
// Next: kernel_times.h times the kernels of a graph; train/training_step.h replays one.
#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/kernel_times.h"

namespace mcnn::cuda {
namespace {

class GraphRecording final : public Recording {
 public:
  GraphRecording(cudaGraph_t graph, cudaStream_t stream, std::unique_ptr<KernelTimes> times) : stream_(stream), times_(std::move(times)) {
    MCNN_CUDA(cudaGraphInstantiate(&graph_, graph, 0));
  }
  ~GraphRecording() override { cudaGraphExecDestroy(graph_); }
  void replay() override {
    const Range range("recorded step");
    MCNN_CUDA(cudaGraphLaunch(graph_, stream_));
    note_replay();
  }
  std::vector<KernelTime> times() override {
    wait_for(stream_);
    return times_ ? times_->times() : std::vector<KernelTime>();
  }

 private:
  cudaGraphExec_t graph_ = nullptr;
  cudaStream_t stream_;
  std::unique_ptr<KernelTimes> times_;  // null: not timed
};

}  // namespace

bool CudaOps::records() const { return !every_launch_waits() && !memory_.separate(); }

bool CudaOps::time_kernels(bool on) { return time_kernels_ = on && records(); }

void CudaOps::mark(int operation) { marked_operation() = operation; }

std::unique_ptr<Recording> CudaOps::record(const std::function<void()>& step) {
  step();
  if (!records()) return nullptr;
  for (DeviceBuffer* buffer : {&scratch_, &arrivals_}) buffer->keep();

  cudaGraph_t graph = nullptr;
  MCNN_CUDA(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));  // other threads may use the device during the capture
  auto times = time_kernels_ ? std::make_unique<KernelTimes>() : nullptr;
  try {
    std::optional<KernelTimes::Taking> taking;
    if (times) taking.emplace(*times, stream_);
    step();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  MCNN_CUDA(cudaStreamEndCapture(stream(), &graph));
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, cudaError_t (*)(cudaGraph_t)> owner(graph, cudaGraphDestroy);
  return std::make_unique<GraphRecording>(graph, stream_, std::move(times));
}

}  // namespace mcnn::cuda
