// What matrix products read: operands as rows and columns of memory, transformed element by element.
//   FeatureRows   (pixels, C)         z of a feature
//   GradientRows  (pixels, C)         dy of a convolution's output
//   WeightRows    (rows, columns)     weights, already of the storage type
// A source is asked in two steps: fetch loads what N neighbouring columns need, value makes kPart of them of that, beginning with
// column `at` of the N, by a reader that holds their coefficients. The caller keeps inside. kTransformed: false where memory
// holds the values themselves, which then are copied past registers.
// Next: patches.cuh has the operands of the dense convolution, product.cuh multiplies.
#pragma once
#include "kernels/cuda/divisor.h"
#include "kernels/cuda/gradient_reader.cuh"

namespace mcnn::cuda {

/// Columns [at, at + kPart) of what was loaded.
template <int kPart, class T, int N>
__device__ Floats<kPart> unpack_part(const Packed<T, N>& loaded, int at) {
  Floats<kPart> out;
#pragma unroll
  for (int i = 0; i < kPart; ++i) out[i] = to_float(loaded.elements[at + i]);
  return out;
}

template <class T, int N>
struct FeatureRows {
  using Element = T;
  using Loaded = Packed<T, N>;
  static constexpr int kWidth = N, kPart = N < 4 ? N : 4;
  static constexpr bool kTransformed = true;

  FeatureView<T> x;
  int rows, columns;  // N*H*W, C
  Divisor pixels;     // H*W

  __device__ Loaded fetch(int row, int column) const { return load_packed<T, N>(x.raw + static_cast<int64_t>(row) * columns + column); }
  __device__ ChannelReader<kPart> reader(int column) const { return ChannelReader<kPart>(x, column); }
  __device__ Floats<kPart> value(const Loaded& raw, int at, ChannelReader<kPart>& reader, int row, int column) const {
    if (x.gate) reader.set_sample(x, static_cast<int64_t>(pixels.divide(row)) * columns + column);
    return reader.z(unpack_part<kPart>(raw, at));
  }
};

template <class T, int N>
struct GradientRows {
  using Element = T;
  struct Loaded {
    Packed<T, N> stored, raw;
  };
  static constexpr int kWidth = N, kPart = N < 4 ? N : 4;
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
  __device__ GradientReader<kPart> reader(int column) const { return GradientReader<kPart>(dy, column); }
  __device__ Floats<kPart> value(const Loaded& loaded, int at, GradientReader<kPart>& reader, int row, int column) const {
    if (dy.pooled || dy.sample_scale) {
      const int n = pixels.divide(row);
      reader.set_sample(dy, n, static_cast<int64_t>(n) * columns + column);
    }
    return reader.dy(unpack_part<kPart>(loaded.stored, at), dy.reads_raw() ? unpack_part<kPart>(loaded.raw, at) : reader.mean);
  }
};

template <class T, int N>
struct WeightRows {
  using Element = T;
  using Loaded = Packed<T, N>;
  static constexpr int kWidth = N, kPart = N < 4 ? N : 4;
  static constexpr bool kTransformed = N < widest<T>;  // an asynchronous copy moves 16 bytes

  const T* w;
  int rows, columns;

  __device__ const T* address(int row, int column) const { return w + static_cast<int64_t>(row) * columns + column; }
  __device__ Loaded fetch(int row, int column) const { return load_packed<T, N>(address(row, column)); }
  struct Reader {};
  __device__ Reader reader(int) const { return {}; }
  __device__ Floats<kPart> value(const Loaded& loaded, int at, Reader&, int, int) const { return unpack_part<kPart>(loaded, at); }
};

}  // namespace mcnn::cuda
