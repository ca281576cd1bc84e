// The operands of matrix products: rows and columns in memory, transformed element by element on read.
//   FeatureRows   (pixels, C)         z of a feature
//   GradientRows  (pixels, C)         dy of a convolution's output
//   WeightRows    (rows, columns)     weights, already of the storage type
// A source is read in two steps: fetch loads the data of N neighbouring columns, value computes them. The caller checks bounds.
// Transformed operands are read by fours: four fp32 coefficients fill a 128-bit access, and neighbouring threads read whole sectors.
// kTransformed is false if memory has the values themselves: cp.async then copies 16 bytes at a time, without registers.
// Next: im2col.cuh has the operands of the dense convolution; product.cuh multiplies.
#pragma once
#include "kernels/cuda/divisor.h"
#include "kernels/cuda/gradient_reader.cuh"

namespace mcnn::cuda {

/// Columns of a transformed operand in one access, if the maps allow accesses of N elements.
template <int N>
inline constexpr int kByFours = N < 4 ? N : 4;

template <class T, int N>
struct FeatureRows {
  using Element = T;
  using Loaded = Packed<T, N>;
  static constexpr int kWidth = N;
  static constexpr bool kTransformed = true;

  FeatureView<T> x;
  int rows, columns;  // N*H*W, C
  Divisor pixels;     // H*W

  __device__ Loaded fetch(int row, int column) const { return load_packed<T, N>(x.raw + static_cast<int64_t>(row) * columns + column); }
  __device__ Floats<N> value(const Loaded& raw, int row, int column) const {
    FeatureReader<N> reader(x, column);
    if (x.gate) reader.set_sample(x, static_cast<int64_t>(pixels.divide(row)) * columns + column);
    return reader.z(unpack(raw));
  }
};

template <class T, int N>
struct GradientRows {
  using Element = T;
  struct Loaded {
    Packed<T, N> stored, raw;
  };
  static constexpr int kWidth = N;
  static constexpr bool kTransformed = true;

  OutputGradientView<T> dy;
  int rows, columns;
  Divisor pixels;

  __device__ Loaded fetch(int row, int column) const {
    const int64_t at = static_cast<int64_t>(row) * columns + column;
    Loaded out;
    if (dy.stored) out.stored = load_packed<T, N>(dy.stored + at);
    if (dy.reads_raw()) out.raw = load_packed<T, N>(dy.y.raw + at);
    return out;
  }
  /// GradientReader::dy, but each of the eight coefficients is loaded where it is used, to save registers.
  __device__ Floats<N> value(const Loaded& loaded, int row, int column) const {
    const Floats<N> scale = load_or<N>(dy.y.scale, column, 1.f), raw = unpack(loaded.raw);
    Floats<N> out = unpack(loaded.stored);
    if (dy.pooled) {
      const int64_t of_sample = static_cast<int64_t>(pixels.divide(row)) * columns + column;
      const Floats<N> gate = load_or<N>(dy.y.gate, of_sample, 1.f), pooled = load<float, N>(dy.pooled + of_sample);
#pragma unroll
      for (int i = 0; i < N; ++i) out[i] = out[i] * gate[i] + pooled[i];
    } else if (dy.sample_scale) {
      const float of_sample = load<float, 1>(dy.sample_scale + pixels.divide(row))[0];
#pragma unroll
      for (int i = 0; i < N; ++i) out[i] *= of_sample;
    }
    if (dy.act != Activation::identity) {
      const Floats<N> shift = load_or<N>(dy.y.shift, column, 0.f);
#pragma unroll
      for (int i = 0; i < N; ++i) out[i] *= slope_of(dy.act, scale[i] * raw[i] + shift[i]);
    }
#pragma unroll
    for (int i = 0; i < N; ++i) out[i] *= scale[i];
    if (!dy.sum_du) return out;
    const Floats<N> sum_du = load<float, N>(dy.sum_du + column), sum_du_xhat = load<float, N>(dy.sum_du_xhat + column);
    const Floats<N> mean = load<float, N>(dy.y.mean + column), invstd = load<float, N>(dy.y.invstd + column);
#pragma unroll
    for (int i = 0; i < N; ++i) out[i] -= scale[i] * dy.per_value * (sum_du[i] + (raw[i] - mean[i]) * invstd[i] * sum_du_xhat[i]);
    return out;
  }
};

template <class T, int N>
struct WeightRows {
  using Element = T;
  using Loaded = Packed<T, N>;
  static constexpr int kWidth = N;
  static constexpr bool kTransformed = N < widest<T>;  // an asynchronous copy moves 16 bytes

  const T* w;
  int rows, columns;

  __device__ const T* address(int row, int column) const { return w + static_cast<int64_t>(row) * columns + column; }
  __device__ Loaded fetch(int row, int column) const { return load_packed<T, N>(address(row, column)); }
  __device__ Floats<N> value(const Loaded& loaded, int, int) const { return unpack(loaded); }
};

}  // namespace mcnn::cuda
