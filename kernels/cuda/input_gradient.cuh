// What a data gradient leaves for the feature x it belongs to (InputGradient in kernels/feature.h), from dz = dL/dz + add:
//   without a gate  stored = dz*act'(u)   sums over N,H,W of  {du, du*(raw - mean)}
//   with a gate     stored = dz           sums over H,W of    {dz*a, dz*act', dz*act'*(raw - mean)}
// The sums are of the value as rounded for storage. They are reduced in two stages: blocks write parts of them, of any
// layout of threads, and merge_input_sums adds the parts up in their order and brings in invstd, which makes xhat of raw - mean.
#pragma once
#include "kernels/cuda/feature.cuh"

namespace mcnn::cuda {

/// Sums per channel: 2 without a gate, 3 with one.
inline constexpr int kMostInputSums = 3;

template <class T>
struct InputGradientView {
  T* stored;     // (N,H,W,C); null: no data gradient is wanted
  const T* add;  // (N,H,W,C) or null
  float* parts;  // (groups, parts per group, sums, C), see InputSumParts; null: no sums are wanted
};

/// Where the parts of the sums lie: groups are samples if x has a gate, else there is one.
struct InputSumParts {
  int64_t groups, parts_per_group, channels;
  int sums;  // 2 or 3

  /// `parts` per sample.
  static InputSumParts of(const Feature& x, int64_t parts_per_sample) {
    const bool gated = x.gate.defined();
    return {gated ? x.raw.n() : 1, gated ? parts_per_sample : parts_per_sample * x.raw.n(), x.raw.c(), gated ? 3 : 2};
  }
  int64_t floats() const { return groups * parts_per_group * sums * channels; }
};

/// Whether any sum is defined.
inline bool wants_sums(const InputGradient& dx) {
  return dx.sum_du.defined() || dx.sum_du_xhat.defined() || dx.sum_dz_a.defined() || dx.sum_dz_slope.defined() ||
         dx.sum_dz_slope_xhat.defined();
}

/// The second stage: dx's sums from their parts.
void merge_input_sums(cudaStream_t stream, const float* parts, const InputSumParts& layout, const Feature& x, InputGradient& dx);

/// What is left at one value: the number to store (already rounded to T) and what it adds to the sums.
struct LeftGradient {
  float stored;
  float sums[kMostInputSums];
};

/// a and slope of u(raw), `centred` = raw - mean, or 0 where x has no norm.
template <class T>
__device__ LeftGradient left_gradient(bool gated, float dz, float a, float slope, float centred) {
  if (gated) {
    const float stored = rounded<T>(dz), dz_slope = stored * slope;
    return {stored, {stored * a, dz_slope, dz_slope * centred}};
  }
  const float stored = rounded<T>(dz * slope);
  return {stored, {stored, stored * centred, 0.f}};
}

/// The coefficients of N channels that left_gradient's arguments come from.
template <int N>
struct InputGradientReader {
  Floats<N> scale, shift, mean;
  Activation act;
  bool gated, has_norm;

  template <class T>
  __device__ InputGradientReader(const FeatureView<T>& x, int64_t c)
      : scale(load_or<N>(x.scale, c, 1.f)),
        shift(load_or<N>(x.shift, c, 0.f)),
        mean(load_or<N>(x.mean, c, 0.f)),
        act(x.act),
        gated(x.gate != nullptr),
        has_norm(x.scale != nullptr) {}

  /// For channel i; dz with `add` in it.
  template <class T>
  __device__ LeftGradient left(float dz, float raw, int i) const {
    float a, slope;
    act_with_slope(act, scale[i] * raw + shift[i], a, slope);
    return left_gradient<T>(gated, dz, a, slope, has_norm ? raw - mean[i] : 0.f);
  }
};

}  // namespace mcnn::cuda
