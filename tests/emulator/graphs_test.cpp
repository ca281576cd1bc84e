// Streams, page-locked copies and graphs of the emulator: captured work runs when the graph is launched; a call that a capture does not
// allow is refused and invalidates it; a copy from page-locked memory runs as late as a device may run it.
// Next: emulator/streams.cpp.
#include <gtest/gtest.h>

#include "emulator/streams.h"
#include "kernels/cuda/launch.cuh"
#include "runtime/error.h"
#include "tests/emulator/device_array.h"

namespace mcnn::cuda {
namespace {

struct Step {
  float by;
};

__global__ void add(float* x, Step step) { x[threadIdx.x] += step.by; }

class Graphs : public testing::Test {
 protected:
  Graphs() { MCNN_CUDA(cudaMemset(x, 0, 4 * sizeof(float))); }
  ~Graphs() override {
    cudaGraph_t left = nullptr;
    if (simt::is_captured(stream)) cudaStreamEndCapture(stream, &left);
    MCNN_CUDA(cudaEventDestroy(event));
    MCNN_CUDA(cudaStreamDestroy(stream));
    MCNN_CUDA(cudaFreeHost(pinned));
  }
  static cudaStream_t made() {
    cudaStream_t stream;
    MCNN_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
  }
  void begin() const { ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess); }
  cudaGraphExec_t end() const {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    MCNN_CUDA(cudaStreamEndCapture(stream, &graph));
    MCNN_CUDA(cudaGraphInstantiate(&exec, graph, 0));
    MCNN_CUDA(cudaGraphDestroy(graph));
    return exec;
  }
  /// Checks that `call` is refused and invalidates the capture, and that the stream works afterwards.
  template <class Call>
  void expect_refused(const char* what, cudaError_t expected, const Call& call) {
    SCOPED_TRACE(what);
    begin();
    launch(add, {1, 4}, stream, x, Step{1.f});
    EXPECT_EQ(call(), expected);
    EXPECT_THROW(launch(add, {1, 4}, stream, x, Step{1.f}), Error);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
    launch(add, {1, 4}, stream, x, Step{0.f});
    EXPECT_EQ(x[0], 0.f);
  }

  DeviceArray<float> storage{4};
  float* x = storage;
  float* pinned = [] {
    void* memory;
    MCNN_CUDA(cudaMallocHost(&memory, 4 * sizeof(float)));
    return static_cast<float*>(memory);
  }();
  float pageable[4] = {};
  cudaStream_t stream = made();
  cudaEvent_t event = [] {
    cudaEvent_t made;
    MCNN_CUDA(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    return made;
  }();
};

TEST_F(Graphs, RunWhatWasCapturedInItsOrderWithTheArgumentsOfThen) {
  begin();
  Step step{1.f};
  MCNN_CUDA(cudaMemcpyAsync(x, pinned, 4 * sizeof(float), cudaMemcpyHostToDevice, stream));
  launch(add, {1, 4}, stream, x, step);
  step.by = 100.f;
  launch(add, {1, 4}, stream, x, Step{2.f});
  const cudaGraphExec_t exec = end();
  EXPECT_EQ(x[3], 0.f) << "a capture runs nothing";
  const int64_t before = simt::graph_launches();
  for (const float first : {10.f, 20.f}) {
    pinned[3] = first;
    MCNN_CUDA(cudaGraphLaunch(exec, stream));
    EXPECT_EQ(x[3], first + 3.f) << "page-locked memory is read at each launch";
  }
  EXPECT_EQ(simt::graph_launches() - before, 2);
  MCNN_CUDA(cudaGraphExecDestroy(exec));
}

TEST_F(Graphs, RefuseWhatACaptureDoesNotAllow) {
  void* memory = nullptr;
  constexpr std::size_t kBytes = sizeof(pageable);
  constexpr cudaError_t kUnsupported = cudaErrorStreamCaptureUnsupported;
  expect_refused("cudaMalloc", kUnsupported, [&] { return cudaMalloc(&memory, 16); });
  expect_refused("cudaFree", kUnsupported, [&] { return cudaFree(x); });
  expect_refused("cudaMallocHost", kUnsupported, [&] { return cudaMallocHost(&memory, 16); });
  expect_refused("cudaFreeHost", kUnsupported, [&] { return cudaFreeHost(pinned); });
  expect_refused("cudaMemcpy", kUnsupported, [&] { return cudaMemcpy(x, pinned, kBytes, cudaMemcpyHostToDevice); });
  expect_refused("cudaMemset", kUnsupported, [&] { return cudaMemset(x, 0, kBytes); });
  expect_refused("a copy from memory that is not page-locked", kUnsupported,
                 [&] { return cudaMemcpyAsync(x, pageable, kBytes, cudaMemcpyHostToDevice, stream); });
  expect_refused("a copy to memory that is not page-locked", kUnsupported,
                 [&] { return cudaMemcpyAsync(pageable, x, kBytes, cudaMemcpyDeviceToHost, stream); });
  expect_refused("cudaDeviceSynchronize", kUnsupported, [] { return cudaDeviceSynchronize(); });
  expect_refused("cudaStreamSynchronize", kUnsupported, [&] { return cudaStreamSynchronize(stream); });
  expect_refused("cudaEventRecord", kUnsupported, [&] { return cudaEventRecord(event, stream); });
  expect_refused("an event of before", cudaErrorStreamCaptureIsolation, [&] { return cudaStreamWaitEvent(stream, event, 0); });
  expect_refused("the legacy stream", cudaErrorStreamCaptureImplicit, [&] { return cudaMemsetAsync(x, 0, kBytes, nullptr); });
  EXPECT_EQ(memory, nullptr);
}

TEST_F(Graphs, BeginAndEndOnOneStreamThatIsNotTheLegacyOne) {
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorIllegalState);
  begin();
  EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaErrorIllegalState);
  MCNN_CUDA(cudaGraphExecDestroy(end()));
}

TEST_F(Graphs, LeaveOtherStreamsAlone) {
  const cudaStream_t other = made();
  begin();
  launch(add, {1, 4}, other, x, Step{5.f});
  EXPECT_EQ(x[0], 5.f);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
  MCNN_CUDA(cudaGraphExecDestroy(end()));
  MCNN_CUDA(cudaStreamDestroy(other));
}

TEST_F(Graphs, CopiesFromPageLockedMemoryAreAsLateAsTheyMay) {
  const auto copied = [&](float value, const auto& wait) {
    pinned[0] = 1.f;
    MCNN_CUDA(cudaMemcpyAsync(x, pinned, sizeof(float), cudaMemcpyHostToDevice, stream));
    MCNN_CUDA(cudaEventRecord(event, stream));
    pinned[0] = value;  // the planted mistake: the copy has not read it yet
    const float before = x[0];
    wait();
    return before != value && x[0] == value;
  };
  const cudaStream_t other = made();
  EXPECT_TRUE(copied(2.f, [&] { return cudaStreamWaitEvent(other, event, 0); }));
  EXPECT_TRUE(copied(3.f, [&] { return cudaEventSynchronize(event); }));
  EXPECT_TRUE(copied(4.f, [&] { return cudaStreamSynchronize(stream); }));
  EXPECT_TRUE(copied(5.f, [&] { launch(add, {1, 1}, stream, x, Step{0.f}); }));
  EXPECT_FALSE(copied(6.f, [&] { launch(add, {1, 1}, other, x, Step{0.f}); })) << "a stream that does not wait sees nothing of it";
  MCNN_CUDA(cudaStreamDestroy(other));
}

TEST_F(Graphs, MemoryIsUsedUp) {
  simt::options().memory = 1 << 20;
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 2 << 20), cudaErrorMemoryAllocation);
  simt::options().memory = simt::Options{}.memory;
}

}  // namespace
}  // namespace mcnn::cuda
