// Streams, events and graphs. One stream can be captured at a time. The rules for captures are stricter than a device's: calls with
// undefined results (a copy from memory that is not page-locked, the legacy stream during a capture) are refused too.
// Contract: streams.h, runtime_api.h.
#include "emulator/streams.h"

#include <chrono>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/error.h"

namespace simt {
namespace {
/// Work that has been queued but not run, as on a device, and how many items have run.
struct Late {
  std::deque<Work> work;
  uint64_t begun = 0;  // number of items that have run
  /// Runs all items up to the `last`-th.
  cudaError_t run(uint64_t last) {
    cudaError_t status = cudaSuccess;
    for (; begun < last && !work.empty(); ++begun) {
      if (const cudaError_t error = work.front()(); status == cudaSuccess) status = error;
      work.pop_front();
    }
    return status;
  }
  uint64_t asked() const { return begun + work.size(); }
};
}  // namespace
}  // namespace simt

struct CUstream_st {
  std::shared_ptr<simt::Late> late = std::make_shared<simt::Late>();
};
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<simt::Late> late;  // the work of its stream, and which of it precedes the event
  uint64_t last = 0;
};
struct CUgraph_st {
  std::vector<simt::Work> nodes;
};
struct CUgraphExec_st {
  std::vector<simt::Work> nodes;
};

namespace simt {
namespace {

struct Capture {
  cudaStream_t stream = nullptr;  // the captured stream; null: none
  std::vector<Work> nodes;
  bool lost = false;
} capture;

std::vector<std::shared_ptr<Late>>& all_late() {
  static std::vector<std::shared_ptr<Late>> streams;
  return streams;
}

cudaError_t lose_capture(cudaError_t error) {
  capture.lost = true;
  capture.nodes.clear();
  return error;
}

cudaError_t finish(Late& late, uint64_t last) { return failure() == cudaSuccess ? late.run(last) : failure(); }

}  // namespace

cudaError_t& failure() {
  static cudaError_t kept = cudaSuccess;
  return kept;
}

int64_t& graph_launches() {
  static int64_t count = 0;
  return count;
}

bool is_captured(cudaStream_t stream) { return stream && stream == capture.stream; }

cudaError_t refuse_in_capture() { return capture.stream ? lose_capture(cudaErrorStreamCaptureUnsupported) : cudaSuccess; }

cudaError_t enqueue(cudaStream_t stream, Work work) {
  if (capture.stream && !stream) return lose_capture(cudaErrorStreamCaptureImplicit);
  if (is_captured(stream)) {
    if (capture.lost) return cudaErrorStreamCaptureInvalidated;
    capture.nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  if (stream)
    if (const cudaError_t error = finish(*stream->late, stream->late->asked())) return error;
  return failure() == cudaSuccess ? work() : failure();
}

cudaError_t enqueue_late(cudaStream_t stream, Work work) {
  if (!stream || is_captured(stream)) return enqueue(stream, std::move(work));
  stream->late->work.push_back(std::move(work));
  return cudaSuccess;
}

cudaError_t run_kernel(const std::function<void()>& run) {
  if (!options().asynchronous) {
    run();
    return cudaSuccess;
  }
  try {
    run();
  } catch (const mcnn::Error&) {
    failure() = cudaErrorLaunchFailure;
  }
  return cudaSuccess;
}

}  // namespace simt

using simt::capture;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  simt::all_late().push_back((*stream)->late);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t error = simt::finish(*stream->late, stream->late->asked());
  std::erase(simt::all_late(), stream->late);
  delete stream;
  return error;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (!stream || simt::is_captured(stream))
    if (const cudaError_t error = simt::refuse_in_capture()) return error;
  return stream ? simt::finish(*stream->late, stream->late->asked()) : cudaDeviceSynchronize();
}
cudaError_t cudaDeviceSynchronize() {
  if (const cudaError_t error = simt::refuse_in_capture()) return error;
  cudaError_t status = simt::failure();
  for (const auto& late : simt::all_late())
    if (const cudaError_t error = simt::finish(*late, late->asked()); status == cudaSuccess) status = error;
  return status;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (simt::is_captured(stream)) return simt::lose_capture(cudaErrorStreamCaptureIsolation);  // it was recorded outside
  return event->late ? simt::finish(*event->late, event->last) : cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (!stream || simt::is_captured(stream))
    if (const cudaError_t error = simt::refuse_in_capture()) return error;
  event->time = std::chrono::steady_clock::now();
  event->late = stream ? stream->late : nullptr;
  event->last = stream ? stream->late->asked() : 0;
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  if (!simt::is_captured(stream) || !(flags & cudaEventRecordExternal)) return cudaEventRecord(event, stream);
  return simt::enqueue(stream, [event] {
    event->time = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return event->late ? simt::finish(*event->late, event->last) : cudaSuccess; }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (!stream) return cudaErrorStreamCaptureUnsupported;
  if (capture.stream) return cudaErrorIllegalState;
  capture = {.stream = stream};
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!stream || stream != capture.stream) return cudaErrorIllegalState;
  const bool lost = capture.lost;
  if (!lost) *graph = new CUgraph_st{std::move(capture.nodes)};
  capture = {};
  return lost ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, std::size_t* count) {
  *count = graph->nodes.size();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (const cudaError_t error = simt::refuse_in_capture()) return error;
  ++simt::graph_launches();
  for (const simt::Work& node : exec->nodes)
    if (const cudaError_t error = simt::enqueue(stream, node)) return error;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
