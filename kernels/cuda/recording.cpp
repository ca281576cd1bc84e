// A step as a CUDA graph: what it launches is captured once and then launched as one.
// Capture is of what goes to the stream and nothing else, so whatever else a first step does (scratch memory that grows, tables
// that are uploaded) must be done before: the step is run for real first, and captured after that.
#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda_ops.h"

namespace mcnn::cuda {
namespace {

class GraphRecording final : public Recording {
 public:
  GraphRecording(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) { MCNN_CUDA(cudaGraphInstantiate(&graph_, graph, 0)); }
  ~GraphRecording() override { cudaGraphExecDestroy(graph_); }
  void replay() override {
    const Range range("recorded step");
    MCNN_CUDA(cudaGraphLaunch(graph_, stream_));
    note_replay();
  }

 private:
  cudaGraphExec_t graph_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<Recording> CudaOps::record(const std::function<void()>& step) {
  step();
  if (every_launch_waits()) return nullptr;
  for (DeviceBuffer* buffer : {&scratch_, &tickets_}) buffer->keep();
  for (ChunkTable* table : {&gradient_chunks_, &update_chunks_, &average_chunks_}) table->keep();
  weights_.keep(stream());

  cudaGraph_t graph = nullptr;
  MCNN_CUDA(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));  // other threads may go on with the device
  try {
    step();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  MCNN_CUDA(cudaStreamEndCapture(stream(), &graph));
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, cudaError_t (*)(cudaGraph_t)> owner(graph, cudaGraphDestroy);
  return std::make_unique<GraphRecording>(graph, stream_);
}

}  // namespace mcnn::cuda
