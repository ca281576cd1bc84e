// The device's fp16. Conversions are those of runtime/dtype.h, with the device's NaN; arithmetic is fp32, rounded once.
#pragma once
#include <cuda_runtime.h>

#include "runtime/dtype.h"

struct __half {
  unsigned short bits;
  __half() = default;
  __half(float x) : bits(x != x ? 0x7fff : mcnn::f16(x).bits) {}
  operator float() const {
    mcnn::f16 x;
    x.bits = bits;
    return static_cast<float>(x);
  }
};
struct alignas(4) __half2 {
  __half x, y;
};
using half = __half;
using half2 = __half2;

inline float __half2float(__half x) { return x; }
inline __half __float2half(float x) { return x; }
inline __half __float2half_rn(float x) { return x; }
inline unsigned short __half_as_ushort(__half x) { return x.bits; }
inline __half __ushort_as_half(unsigned short bits) { return std::bit_cast<__half>(bits); }
inline __half2 __floats2half2_rn(float x, float y) { return {x, y}; }
inline __half2 __float22half2_rn(float2 v) { return {v.x, v.y}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline float2 __half22float2(__half2 v) { return {v.x, v.y}; }
inline float __low2float(__half2 v) { return v.x; }
inline float __high2float(__half2 v) { return v.y; }
