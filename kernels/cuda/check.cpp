#include "kernels/cuda/check.h"

#include "runtime/error.h"

namespace mcnn::cuda {

void fail_call(const char* expression, cudaError_t status) {
  fail("{}: {} ({})", expression, cudaGetErrorString(status), static_cast<int>(status));
}

void fail_launch(const void* kernel, dim3 blocks, dim3 threads, std::size_t shared_bytes, cudaError_t status) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || !name) name = "a kernel";
  fail("{}: grid ({},{},{}), block ({},{},{}), {} bytes of shared memory: {} ({})", name, blocks.x, blocks.y, blocks.z, threads.x,
       threads.y, threads.z, shared_bytes, cudaGetErrorString(status), static_cast<int>(status));
}

}  // namespace mcnn::cuda
