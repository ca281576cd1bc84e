// Shared memory of a block. A kernel has one struct for all its shared memory:
//   template <class T> struct Tile { T rows[8][64]; float sums[64]; };
//   auto& tile = static_shared<Tile<T>>();
// If the size is known only at launch (Grid::shared_bytes):
//   float* row = dynamic_shared<float>();
// No other code uses __shared__: the host emulator cannot see such an array, so it could neither fill it with NaNs for
// each block nor check accesses against its bounds. (On the emulator __shared__ does not compile.)
// Next: vector_access.cuh reads and writes it.
#pragma once
#include <cuda_runtime.h>

#include <type_traits>

#ifdef MCNN_SIM
#include "emulator/grid.h"
#endif

namespace mcnn::cuda {

/// The block's S, uninitialised; at most 48 KB. Two calls with the same S in one kernel return the same memory.
template <class S>
__device__ S& static_shared() {
  static_assert(std::is_trivially_default_constructible_v<S>, "shared memory is not initialised");
  static_assert(sizeof(S) <= 48 * 1024, "static shared memory is limited to 48 KB; beyond that use dynamic_shared");
#ifdef MCNN_SIM
  static const char kKey = 0;  // one address for each S
  return *static_cast<S*>(simt::static_shared(&kKey, sizeof(S)));
#else
  __shared__ __align__(16) S storage;
  return storage;
#endif
}

/// The launch's shared_bytes, uninitialised, aligned to 128 bytes. Above 48 KB the kernel needs
/// cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) first.
template <class T>
__device__ T* dynamic_shared() {
#ifdef MCNN_SIM
  return static_cast<T*>(simt::dynamic_shared());
#else
  extern __shared__ __align__(128) unsigned char dynamic_shared_storage[];
  return reinterpret_cast<T*>(dynamic_shared_storage);
#endif
}

}  // namespace mcnn::cuda
