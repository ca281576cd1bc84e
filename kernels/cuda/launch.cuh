// Launches a kernel and checks for errors. cudaLaunchKernelEx instead of <<<>>> keeps a .cu file valid C++, so that the host emulator
// compiles it unchanged.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/cuda/check.h"

namespace mcnn::cuda {

struct Grid {
  dim3 blocks, threads;
  std::size_t shared_bytes = 0;  ///< dynamic shared memory
};

/// Launches on `stream`; arguments convert to the kernel's parameters. Throws Error naming the kernel.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Grid& grid, cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid.blocks;
  config.blockDim = grid.threads;
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = stream;
  const cudaError_t status = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  if (status != cudaSuccess) fail_launch(reinterpret_cast<const void*>(kernel), grid.blocks, grid.threads, grid.shared_bytes, status);
  note_launch(reinterpret_cast<const void*>(kernel), stream);
  if (every_launch_waits()) wait_for(stream);
}

inline unsigned blocks_for(int64_t items, int64_t per_block) { return static_cast<unsigned>((items + per_block - 1) / per_block); }

}  // namespace mcnn::cuda
