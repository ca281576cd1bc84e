// The kernels' <cuda_runtime.h> when they are compiled for the host: CUDA's names on kernels/simt. What is not here is not used.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simt/grid.h"
#include "kernels/simt/include/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(bytes) alignas(bytes)
#define __shared__ _Pragma("GCC error \"shared memory comes from static_shared<S>(): see kernels/cuda/shared_memory.cuh\"")

inline constexpr int warpSize = 32;

#include "kernels/simt/device_atomics.h"
#include "kernels/simt/device_math.h"
#include "kernels/simt/device_warp.h"
#include "kernels/simt/runtime_api.h"
