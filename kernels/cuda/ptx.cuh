// PTX instructions that C++ lacks. Each has a second version for the host emulator, written from the PTX ISA's figures.
//   ldmatrix    8x8 matrices of 16-bit elements (or 8x4 of 32-bit), from shared memory to the registers of a warp
//   mma.sync    products of such fragments, accumulated in fp32
//   cp.async    16 bytes from global to shared memory, asynchronously and without registers
//   ex2, rcp    2^x and 1/x by the special function unit, without the steps that __expf and __fdividef add for subnormals
// Before sm_80 there is no cp.async (a plain copy replaces it), and no mma of bf16 and tf32 (product_rung.h does not choose it).
// Next: operand_tile.cuh reads fragments with it.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/cuda/vector_access.cuh"
#ifdef MCNN_SIM
#include <array>
#include <bit>
#include <cmath>

#include "emulator/async_copies.h"
#include "emulator/grid.h"
#endif

namespace mcnn::cuda {

#ifndef MCNN_SIM

/// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l%8 of matrix l/8, 16 bytes. Register i of lane l
/// receives elements 2*(l%4) and 2*(l%4)+1 of row l/4 of matrix i; of column l/4 if transposed.
__device__ inline void ldmatrix_x4(uint32_t (&f)[4], const void* row) {
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}
__device__ inline void ldmatrix_x4_transposed(uint32_t (&f)[4], const void* row) {
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}

/// d += A B: A 16x16, B 16x8, d 16x8 of fp32. T: __nv_bfloat16 or __half.
template <class T>
__device__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  if constexpr (std::is_same_v<T, __half>) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  if constexpr (std::is_same_v<T, __half>) {  // k16 is two products of k8; their fragments are halves of k16's
#pragma unroll
    for (int k = 0; k < 2; ++k)
      asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                   : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                   : "r"(a[2 * k]), "r"(a[2 * k + 1]), "r"(b[k]));
  } else {
    __trap();
  }
#endif
}

/// The same for tf32: A 16x8, B 8x8, d 16x8. Elements are fp32 whose low 13 bits are not read.
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

/// 2^x: 2 ulp. Subnormal arguments and results are 0.
__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// 1/x: 1 ulp. Subnormal arguments and results are 0.
__device__ inline float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// fp32 to tf32, to nearest, ties away from zero.
__device__ inline uint32_t to_tf32(float x) {
#if __CUDA_ARCH__ >= 800
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  return (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
#endif
}

/// Copies 16 bytes from global to shared memory; if not `exists`, writes zeros and reads nothing. Visible to the thread after
/// wait_for_copies, to its block after the barrier that follows.
__device__ inline void copy_async(void* to, const void* from, bool exists) {
#if __CUDA_ARCH__ >= 800
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(__cvta_generic_to_global(from)), "r"(exists ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(to) = exists ? *static_cast<const uint4*>(from) : uint4{};
#endif
}
__device__ inline void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

#else  // for the emulator

inline float without_subnormals(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.f, x) : x; }
inline float exp2_fast(float x) { return without_subnormals(std::exp2(without_subnormals(x))); }
inline float reciprocal_fast(float x) { return without_subnormals(1.f / without_subnormals(x)); }

/// Lane l gives row l%8 of matrix l/8 and receives, of each matrix, elements (l/4, 2*(l%4)) and its right neighbour; transposed,
/// elements (2*(l%4), l/4) and the one below.
inline void ldmatrix_emulated(uint32_t (&f)[4], const void* row, bool transposed) {
  struct Lane {
    uint32_t* f;
    const uint16_t* row;
    bool transposed;
  } mine{f, static_cast<const uint16_t*>(row), transposed};
  record_access(row, 16, false);
  simt::warp_exchange("ldmatrix", 0xffffffffu, mine, [](const std::array<Lane*, 32>& lanes) {
    for (int l = 0; l < 32; ++l)
      for (int matrix = 0; matrix < 4; ++matrix) {
        const auto element = [&](int r, int c) { return uint32_t{lanes[8 * matrix + r]->row[c]}; };
        const int first = l / 4, second = 2 * (l % 4);
        lanes[l]->f[matrix] = lanes[l]->transposed ? element(second, first) | element(second + 1, first) << 16
                                                   : element(first, second) | element(first, second + 1) << 16;
      }
  });
}
inline void ldmatrix_x4(uint32_t (&f)[4], const void* row) { ldmatrix_emulated(f, row, false); }
inline void ldmatrix_x4_transposed(uint32_t (&f)[4], const void* row) { ldmatrix_emulated(f, row, true); }

/// To fp32 toward zero, as tensor cores round their sums (Fasi, Higham, Mikaitis, Pranesh 2021).
inline float toward_zero(double x) {
  const auto nearest = static_cast<float>(x);
  return std::abs(static_cast<double>(nearest)) > std::abs(x) ? std::nextafterf(nearest, 0.f) : nearest;
}

struct MmaLane {
  float* d;
  const uint32_t *a, *b;
};
/// d[i] of lane l is element (l/4 + 8*(i/2), 2*(l%4) + i%2). a(row, k) and b(k, column) return an operand's element.
template <int kDepth, class A, class B>
void accumulate(const std::array<MmaLane*, 32>& lanes, const A& a, const B& b) {
  for (int l = 0; l < 32; ++l)
    for (int i = 0; i < 4; ++i) {
      double sum = lanes[l]->d[i];
      for (int k = 0; k < kDepth; ++k) sum += static_cast<double>(a(l / 4 + i / 2 * 8, k)) * static_cast<double>(b(k, 2 * (l % 4) + i % 2));
      lanes[l]->d[i] = toward_zero(sum);
    }
}

/// Element (row, k) of A is in lane row%8*4 + k%8/2: register row/8 + 2*(k/8), half k%2. Element (k, column) of B is in lane
/// column*4 + k%8/2: register k/8, half k%2.
template <class T>
void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaLane mine{d, a, b};
  simt::warp_exchange("mma.m16n8k16", 0xffffffffu, mine, [](const std::array<MmaLane*, 32>& lanes) {
    const auto element = [](uint32_t word, int which) { return to_float(std::bit_cast<T>(static_cast<uint16_t>(word >> 16 * which))); };
    float left[16][16], right[16][8];
    for (int k = 0; k < 16; ++k) {
      for (int row = 0; row < 16; ++row) left[row][k] = element(lanes[row % 8 * 4 + k % 8 / 2]->a[row / 8 + k / 8 * 2], k % 2);
      for (int column = 0; column < 8; ++column) right[k][column] = element(lanes[column * 4 + k % 8 / 2]->b[k / 8], k % 2);
    }
    accumulate<16>(
        lanes, [&](int row, int k) { return left[row][k]; }, [&](int k, int column) { return right[k][column]; });
  });
}

/// Element (row, k) of A is in lane row%8*4 + k%4: register row/8 + 2*(k/4). Element (k, column) of B is in lane
/// column*4 + k%4: register k/4.
inline void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaLane mine{d, a, b};
  simt::warp_exchange("mma.m16n8k8.tf32", 0xffffffffu, mine, [](const std::array<MmaLane*, 32>& lanes) {
    const auto tf32 = [](uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); };
    accumulate<8>(
        lanes, [&](int row, int k) { return tf32(lanes[row % 8 * 4 + k % 4]->a[row / 8 + k / 4 * 2]); },
        [&](int k, int column) { return tf32(lanes[column * 4 + k % 4]->b[k / 4]); });
  });
}

inline uint32_t to_tf32(float x) { return (std::bit_cast<uint32_t>(x) + 0x1000u) & 0xffffe000u; }

/// The copy happens as late as possible: when its thread waits for it.
inline void copy_async(void* to, const void* from, bool exists) {
  record_access(to, 16, true);
  if (exists) record_access(from, 16, false);
  simt::copy_async(to, exists ? from : nullptr, 16);
}
inline void wait_for_copies() { simt::wait_for_all_copies(); }

#endif

}  // namespace mcnn::cuda
