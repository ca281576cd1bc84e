// <cuda_runtime.h> for kernels that are compiled for the host: CUDA's names, implemented by the emulator. Only what the project uses.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "emulator/grid.h"
#include "emulator/include/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(bytes) alignas(bytes)
#define __shared__ _Pragma("GCC error \"shared memory comes from simt::static_shared\"")

inline constexpr int warpSize = 32;

#include "emulator/device_atomics.h"
#include "emulator/device_math.h"
#include "emulator/device_warp.h"
#include "emulator/runtime_api.h"
