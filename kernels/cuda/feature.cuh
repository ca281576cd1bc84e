// The feature maps of kernels/feature.h in kernels: FeatureView has the pointers, FeatureReader the formulas on registers.
// A thread processes N channels. FeatureReader loads their coefficients once; then the thread reads row after row.
//   z  = act(scale*raw + shift) * gate
// Next: gradient_reader.cuh reads dy; input_gradient.cuh has what a data gradient writes.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "kernels/feature.h"

namespace mcnn::cuda {

/// A tensor's elements, of type T; null if it is absent.
template <class T>
const T* elements(const Tensor& tensor) {
  return static_cast<const T*>(tensor.raw());
}
template <class T>
T* elements(Tensor& tensor) {
  return static_cast<T*>(tensor.raw());
}

/// Null pointers are absent parts. All parameters are fp32.
template <class T>
struct FeatureView {
  const T* raw;                                // (N,H,W,C)
  const float *scale, *shift, *mean, *invstd;  // (C)
  const float* gate;                           // (N,C)
  Activation act;

  static FeatureView of(const Feature& x) {
    return {elements<T>(x.raw),
            elements<float>(x.norm.scale),
            elements<float>(x.norm.shift),
            elements<float>(x.norm.mean),
            elements<float>(x.norm.invstd),
            elements<float>(x.gate),
            x.act};
  }
};

/// Four instructions. The error is abs(u) ulp from rounding the argument of 2^x, 2 of the exponential, 1 of the reciprocal (the emulator's
/// are exact). Both ends saturate, NaN stays NaN.
__device__ inline float sigmoid(float u) {
  constexpr float kLog2E = 1.44269504f;
  return reciprocal_fast(1.f + exp2_fast(-kLog2E * u));
}

/// activate() and activation_slope() of kernels/feature.h.
__device__ inline float act_of(Activation act, float u) {
  if (act == Activation::swish) return u * sigmoid(u);
  if (act == Activation::relu6) return u > 0.f ? (u < 6.f ? u : 6.f) : (u <= 0.f ? 0.f : u);
  if (act == Activation::relu) return u <= 0.f ? 0.f : u;
  if (act == Activation::hard_swish) return u > -3.f ? (u < 3.f ? u * (u + 3.f) * (1.f / 6) : u) : (u <= -3.f ? 0.f : u);
  return u;
}
__device__ inline float slope_of(Activation act, float u) {
  if (act == Activation::swish) {
    const float s = sigmoid(u);
    return s * (1.f + u * (1.f - s));
  }
  if (act == Activation::relu6) return u > 0.f && u < 6.f ? 1.f : 0.f;
  if (act == Activation::relu) return u > 0.f ? 1.f : 0.f;
  if (act == Activation::hard_swish) return u > -3.f ? (u < 3.f ? u * (1.f / 3) + 0.5f : 1.f) : 0.f;
  return 1.f;
}
/// a = act(u) and slope = act'(u) together: one exponential.
__device__ inline void act_with_slope(Activation act, float u, float& a, float& slope) {
  if (act == Activation::swish) {
    const float s = sigmoid(u);
    a = u * s;
    slope = s + a * (1.f - s);
  } else {
    a = act_of(act, u);
    slope = slope_of(act, u);
  }
}

/// Calls f(act) with a constant activation: one branch for all elements of f's loop.
template <class F>
__device__ void with_activation(Activation act, const F& f) {
  if (act == Activation::swish) {
    f(Activation::swish);
  } else if (act == Activation::relu6) {
    f(Activation::relu6);
  } else if (act == Activation::relu) {
    f(Activation::relu);
  } else if (act == Activation::hard_swish) {
    f(Activation::hard_swish);
  } else {
    f(Activation::identity);
  }
}

/// N elements from p + at on, or `otherwise` if p is null.
template <int N, class T>
__device__ Floats<N> load_or(const T* p, int64_t at, float otherwise) {
  if (p) return load<T, N>(p + at);
  Floats<N> out;
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = otherwise;
  return out;
}

/// Reads z of N channels from c on. Call set_sample before the rows of a sample.
template <int N>
struct FeatureReader {
  Floats<N> scale, shift, gate;
  Activation act;

  template <class T>
  __device__ FeatureReader(const FeatureView<T>& x, int64_t c)
      : scale(load_or<N>(x.scale, c, 1.f)), shift(load_or<N>(x.shift, c, 0.f)), act(x.act) {
#pragma unroll
    for (int i = 0; i < N; ++i) gate[i] = 1.f;
  }
  /// For x with a gate: at = n*C + c.
  template <class T>
  __device__ void set_sample(const FeatureView<T>& x, int64_t at) {
    gate = load_or<N>(x.gate, at, 1.f);
  }

  __device__ float u(float raw, int i) const { return scale[i] * raw + shift[i]; }
  __device__ float z(float raw, int i) const { return act_of(act, u(raw, i)) * gate[i]; }
  __device__ Floats<N> z(const Floats<N>& raw) const {
    Floats<N> out;
    with_activation(act, [&](Activation constant) {
#pragma unroll
      for (int i = 0; i < N; ++i) out[i] = act_of(constant, u(raw[i], i)) * gate[i];
    });
    return out;
  }
};

}  // namespace mcnn::cuda
