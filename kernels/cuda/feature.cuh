// Features and gradients as kernels see them: kernels/feature.h's structs as plain pointers, and the formulas on registers.
// A thread that owns N channels loads their coefficients once (ChannelReader, GradientReader) and then reads row after row.
//   z  = act(scale*raw + shift) * gate
//   dy = scale*du - centre - slope_xhat*(raw - mean)
#pragma once
#include "kernels/cuda/vector_access.cuh"
#include "kernels/feature.h"

namespace mcnn::cuda {

/// Null pointers are absent parts. All parameters are fp32.
template <class T>
struct FeatureView {
  const T* raw;                                      // (N,H,W,C)
  const float *scale, *shift, *mean, *invstd;        // (C)
  const float* gate;                                 // (N,C)
  Activation act;

  static FeatureView of(const Feature& x);
};

template <class T>
struct OutputGradientView {
  const T* stored;                                   // (N,H,W,C)
  FeatureView<T> y;                                  // the feature the gradient is of
  const float* sample_scale;                         // (N)
  const float* pooled;                               // (N,C)
  const float *sum_du, *sum_du_xhat;                 // (C); null: frozen statistics or no norm
  float per_value;                                   // 1/M

  static OutputGradientView of(const OutputGradient& dy);
};

template <class T>
struct InputGradientView {
  T* stored;                                         // (N,H,W,C)
  const T* add;                                      // (N,H,W,C)
  // The sums are reduced in two stages, so kernels write parts of them: where and how is the kernel's own.

  static InputGradientView of(const InputGradient& dx);
};

__device__ inline float sigmoid(float u) { return 1.f / (1.f + __expf(-u)); }

/// As activate() in kernels/feature.h, by the fast exponential (2 ulp for the u that matter). NaN stays NaN.
__device__ inline float act_of(Activation act, float u) {
  if (act == Activation::swish) return u * sigmoid(u);
  if (act == Activation::relu6) return u > 0.f ? (u < 6.f ? u : 6.f) : (u <= 0.f ? 0.f : u);
  return u;
}
__device__ inline float slope_of(Activation act, float u) {
  if (act == Activation::swish) {
    const float s = sigmoid(u);
    return s * (1.f + u * (1.f - s));
  }
  if (act == Activation::relu6) return u > 0.f && u < 6.f ? 1.f : 0.f;
  return 1.f;
}

/// (C) or (N,C) parameters of N channels, or `otherwise` where they are absent.
template <int N>
__device__ Floats<N> load_or(const float* p, int64_t at, float otherwise) {
  if (p) return load<float, N>(p + at);
  Floats<N> out;
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = otherwise;
  return out;
}

/// Reads z of N channels. Set the sample before its rows.
template <int N>
struct ChannelReader {
  Floats<N> scale, shift, gate;
  Activation act;

  template <class T>
  __device__ ChannelReader(const FeatureView<T>& x, int64_t c) : scale(load_or<N>(x.scale, c, 1.f)), shift(load_or<N>(x.shift, c, 0.f)), act(x.act) {
#pragma unroll
    for (int i = 0; i < N; ++i) gate[i] = 1.f;
  }
  /// For x with a gate: at = n*C + c.
  template <class T>
  __device__ void set_sample(const FeatureView<T>& x, int64_t at) { gate = load_or<N>(x.gate, at, 1.f); }

  __device__ float u(float raw, int i) const { return scale[i] * raw + shift[i]; }
  __device__ float z(float raw, int i) const { return act_of(act, u(raw, i)) * gate[i]; }
  __device__ Floats<N> z(const Floats<N>& raw) const {
    Floats<N> out;
#pragma unroll
    for (int i = 0; i < N; ++i) out[i] = z(raw[i], i);
    return out;
  }
};

}  // namespace mcnn::cuda
