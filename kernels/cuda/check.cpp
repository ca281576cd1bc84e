#include "kernels/cuda/check.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>

#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

/// What this thread gave to the device since it last waited for it.
struct Launched {
  const void *first, *last;
  int kernels, replays;
};
thread_local Launched launched;

std::string name_of_kernel(const void* kernel) {
  const char* name = nullptr;
  return cudaFuncGetName(&name, kernel) == cudaSuccess && name ? name : "a kernel";
}

/// Illegal address, time-out, assertion, stack, instruction, alignment, address space, program counter, anything else: each stays,
/// and every later call returns it.
bool is_of_a_kernel(cudaError_t status) {
  constexpr int kKinds[] = {700, 702, 710, 714, 715, 716, 717, 718, 719};
  return std::find(std::begin(kKinds), std::end(kKinds), static_cast<int>(status)) != std::end(kKinds);
}

/// It was one of what was launched since the last wait.
[[noreturn]] void fail_kernel(cudaError_t status) {
  const auto [first, last, kernels, replays] = std::exchange(launched, {});
  std::string what = replays ? "the recorded step" : "";
  if (kernels > 0) {
    if (replays) what += " or ";
    what += kernels == 1 ? name_of_kernel(first)
                         : fmt::format("one of {} kernels, {} to {}", kernels, name_of_kernel(first), name_of_kernel(last));
  }
  fail("{}: {} ({}){}", what.empty() ? "a kernel" : what, cudaGetErrorString(status), static_cast<int>(status),
       kernels == 1 && !replays ? "" : "; MCNN_CUDA_SYNC=1 says which kernel");
}

}  // namespace

void fail_call(const char* expression, cudaError_t status) {
  if (is_of_a_kernel(status)) fail_kernel(status);
  fail("{}: {} ({})", expression, cudaGetErrorString(status), static_cast<int>(status));
}

void fail_launch(const void* kernel, dim3 blocks, dim3 threads, std::size_t shared_bytes, cudaError_t status) {
  if (is_of_a_kernel(status)) fail_kernel(status);
  fail("{}: grid ({},{},{}), block ({},{},{}), {} bytes of shared memory: {} ({})", name_of_kernel(kernel), blocks.x, blocks.y, blocks.z,
       threads.x, threads.y, threads.z, shared_bytes, cudaGetErrorString(status), static_cast<int>(status));
}

bool every_launch_waits() {
  const char* set = std::getenv("MCNN_CUDA_SYNC");
  return set && *set;
}

void note_launch(const void* kernel) {
  if (launched.kernels++ == 0) launched.first = kernel;
  launched.last = kernel;
}

void note_replay() { ++launched.replays; }

void wait_for(cudaStream_t stream) {
  MCNN_CUDA(cudaStreamSynchronize(stream));
  launched = {};
}

}  // namespace mcnn::cuda
