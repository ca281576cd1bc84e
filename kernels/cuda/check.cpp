// Contract: check.h.
#include "kernels/cuda/check.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "kernels/cuda/kernel_name.h"
#include "kernels/cuda/kernel_times.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

/// What this thread launched since its last wait.
struct Launched {
  const void *first, *last;
  int kernels, replays;
};
thread_local Launched launched;

std::string look_up_name(const void* kernel) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || !name) return "a kernel";
  const std::unique_ptr<char, void (*)(void*)> readable(abi::__cxa_demangle(name, nullptr, nullptr, nullptr), std::free);
  return short_kernel_name(readable ? readable.get() : name);
}

/// Looked up at a kernel's first launch, because a device that has failed cannot be queried.
const std::string& name_of_kernel(const void* kernel) {
  thread_local std::unordered_map<const void*, std::string> names;
  const auto [entry, fresh] = names.try_emplace(kernel);
  if (fresh) entry->second = look_up_name(kernel);
  return entry->second;
}

/// Whether the status is a failure inside a kernel: illegal address, time-out, assertion, stack, instruction, alignment, address space,
/// program counter, unspecified. It persists: every later call returns it.
bool is_of_a_kernel(cudaError_t status) {
  constexpr int kKinds[] = {700, 702, 710, 714, 715, 716, 717, 718, 719};
  return std::find(std::begin(kKinds), std::end(kKinds), static_cast<int>(status)) != std::end(kKinds);
}

/// Names the launches since the last wait, one of which failed.
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

void note_launch(const void* kernel, cudaStream_t stream) {
  if (launched.kernels++ == 0) launched.first = kernel;
  launched.last = kernel;
  time_launch(name_of_kernel(kernel), stream);
}

void note_replay() { ++launched.replays; }

void wait_for(cudaStream_t stream) {
  MCNN_CUDA(cudaStreamSynchronize(stream));
  launched = {};
}

}  // namespace mcnn::cuda
