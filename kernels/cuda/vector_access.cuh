// Memory access of kernels: load and store move N consecutive elements of a storage type in one access, as fp32 in registers.
// Every access of a feature map or of shared memory uses them, so that the host emulator (emulator/) counts sectors and bank
// conflicts, and that 128-bit accesses are written in one place.
//   widest<T>   elements in 16 bytes: 4 of fp32, 8 of bf16 and fp16
// Next: feature.cuh reads features with it.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#ifdef MCNN_SIM
#include "emulator/grid.h"
#endif

namespace mcnn::cuda {

/// N numbers in registers.
template <int N>
struct Floats {
  float v[N];
  __host__ __device__ float& operator[](int i) { return v[i]; }
  __host__ __device__ const float& operator[](int i) const { return v[i]; }
};

template <class T>
inline constexpr int widest = 16 / static_cast<int>(sizeof(T));

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(uint8_t x) { return static_cast<float>(x); }
/// To nearest even; fp16 overflows to infinity.
template <class T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
// Converts two at once: from sm_80 on, converting one is a quarter as fast.
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __floats2bfloat162_rn(x, 0.f).x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __floats2half2_rn(x, 0.f).x;
}
__device__ inline __nv_bfloat162 two_from_floats(__nv_bfloat16 /*type*/, float x, float y) { return __floats2bfloat162_rn(x, y); }
__device__ inline __half2 two_from_floats(__half /*type*/, float x, float y) { return __floats2half2_rn(x, y); }

/// x was a byte before.
template <>
__device__ inline uint8_t from_float<uint8_t>(float x) {
  return static_cast<uint8_t>(x);
}

/// The value after rounding to the storage type. Statistics are of this value.
template <class T>
__device__ float rounded(float x) {
  return to_float(from_float<T>(x));
}

/// A machine word of `Bytes` bytes, for one access. The compiler would split the access of a struct of narrow members.
template <int Bytes>
struct Word;
template <>
struct Word<1> {
  using type = uint8_t;
};
template <>
struct Word<2> {
  using type = uint16_t;
};
template <>
struct Word<4> {
  using type = uint32_t;
};
template <>
struct Word<8> {
  using type = uint64_t;
};
template <>
struct Word<16> {
  using type = uint4;
};

#ifdef MCNN_SIM
using simt::record_access;
#endif

/// N elements in the storage type, for loads well before their use. Takes half the registers of Floats for 16-bit types.
template <class T, int N>
union Packed {
  typename Word<N* static_cast<int>(sizeof(T))>::type word;
  T elements[N];
  __device__ Packed() : word{} {}
};

/// One access; p is aligned to N*sizeof(T) bytes, 16 at most.
template <class T, int N>
__device__ Packed<T, N> load_packed(const T* p) {
  using W = decltype(Packed<T, N>::word);
#ifdef MCNN_SIM
  record_access(p, sizeof(W), false);
#endif
  Packed<T, N> out;
  out.word = *reinterpret_cast<const W*>(p);
  return out;
}
template <class T, int N>
__device__ void store_packed(T* p, const Packed<T, N>& values) {
  using W = decltype(Packed<T, N>::word);
#ifdef MCNN_SIM
  record_access(p, sizeof(W), true);
#endif
  *reinterpret_cast<W*>(p) = values.word;
}

template <class T, int N>
__device__ Floats<N> unpack(const Packed<T, N>& values) {
  Floats<N> out;
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = to_float(values.elements[i]);
  return out;
}
/// Rounded to the storage type.
template <class T, int N>
__device__ Packed<T, N> pack(const Floats<N>& values) {
  Packed<T, N> out;
  if constexpr (sizeof(T) == 2 && N % 2 == 0) {
#pragma unroll
    for (int i = 0; i < N; i += 2) {
      const auto two = two_from_floats(T{}, values[i], values[i + 1]);
      out.elements[i] = two.x;
      out.elements[i + 1] = two.y;
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) out.elements[i] = from_float<T>(values[i]);
  }
  return out;
}

/// N elements at p, which is aligned to N*sizeof(T) bytes: one access of at most 16 bytes, or several of 16.
template <class T, int N>
__device__ Floats<N> load(const T* p) {
  Floats<N> out;
  if constexpr (N * sizeof(T) > 16) {
    constexpr int kPart = widest<T>;
#pragma unroll
    for (int i = 0; i < N; i += kPart) {
      const Floats<kPart> part = load<T, kPart>(p + i);
#pragma unroll
      for (int j = 0; j < kPart; ++j) out[i + j] = part[j];
    }
  } else {
    out = unpack(load_packed<T, N>(p));
  }
  return out;
}

/// Stores N elements at p (aligned as for load), rounded to the storage type.
template <class T, int N>
__device__ void store(T* p, const Floats<N>& values) {
  if constexpr (N * sizeof(T) > 16) {
    constexpr int kPart = widest<T>;
#pragma unroll
    for (int i = 0; i < N; i += kPart) {
      Floats<kPart> part;
#pragma unroll
      for (int j = 0; j < kPart; ++j) part[j] = values[i + j];
      store<T, kPart>(p + i, part);
    }
  } else {
    store_packed<T, N>(p, pack<T, N>(values));
  }
}

}  // namespace mcnn::cuda
