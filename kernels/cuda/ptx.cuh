// Instructions that C++ has no word for. Each has a twin that the host emulator runs, written from the PTX ISA's figures.
//   ldmatrix    8x8 matrices of 16-bit elements (or 8x4 of 32-bit), from shared memory to the registers of a warp
//   mma.sync    products of such fragments, accumulated in fp32
//   cp.async    16 bytes from global to shared memory, past the registers and in the background
// Before sm_80 there is neither cp.async (a plain copy stands in) nor mma of bf16 and tf32 (product_rung.h keeps away from it).
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

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
  if constexpr (std::is_same_v<T, __half>) {  // k16 is two of k8, whose fragments are the halves of k16's
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

/// 16 bytes from global to shared memory, zeros if not `wanted` (then nothing is read). Visible to the thread itself after
/// wait_for_copies, to its block after the barrier that follows.
__device__ inline void copy_async(void* to, const void* from, bool wanted) {
#if __CUDA_ARCH__ >= 800
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(__cvta_generic_to_global(from)), "r"(wanted ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(to) = wanted ? *static_cast<const uint4*>(from) : uint4{};
#endif
}
__device__ inline void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

#endif

}  // namespace mcnn::cuda
