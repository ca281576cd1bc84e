// What matrix products read: operands as rows and columns of memory, transformed element by element.
//   FeatureRows   (pixels, C)         z of a feature
//   GradientRows  (pixels, C)         dy of a convolution's output
//   WeightRows    (rows, columns)     weights, already of the storage type
// A source is asked in two steps: fetch loads what an element needs, value makes it of that. N neighbouring columns at once;
// the caller keeps inside. kTransformed: false where memory holds the values themselves, which then are copied past registers.
// Next: patches.cuh has the operands of the dense convolution, product.cuh multiplies.
#pragma once
#include "kernels/cuda/gradient_reader.cuh"

namespace mcnn::cuda {

template <class T, int N>
struct FeatureRows {
  using Element = T;
  using Loaded = Packed<T, N>;
  static constexpr int kWidth = N;
  static constexpr bool kTransformed = true;

  FeatureView<T> x;
  int rows, columns, pixels;  // N*H*W, C, H*W

  __device__ Loaded fetch(int row, int column) const { return load_packed<T, N>(x.raw + static_cast<int64_t>(row) * columns + column); }
  __device__ ChannelReader<N> reader(int column) const { return ChannelReader<N>(x, column); }
  __device__ Floats<N> value(const Loaded& raw, ChannelReader<N>& reader, int row, int column) const {
    if (x.gate) reader.set_sample(x, static_cast<int64_t>(row / pixels) * columns + column);
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
  int rows, columns, pixels;

  __device__ Loaded fetch(int row, int column) const {
    const int64_t at = static_cast<int64_t>(row) * columns + column;
    Loaded out;
    if (dy.stored) out.stored = load_packed<T, N>(dy.stored + at);
    if (dy.reads_raw()) out.raw = load_packed<T, N>(dy.y.raw + at);
    return out;
  }
  __device__ GradientReader<N> reader(int column) const { return GradientReader<N>(dy, column); }
  __device__ Floats<N> value(const Loaded& loaded, GradientReader<N>& reader, int row, int column) const {
    if (dy.pooled || dy.sample_scale) reader.set_sample(dy, row / pixels, column, columns);
    return reader.dy(unpack(loaded.stored), dy.reads_raw() ? unpack(loaded.raw) : reader.mean);
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
  struct Reader {};
  __device__ Reader reader(int) const { return {}; }
  __device__ Floats<N> value(const Loaded& loaded, Reader&, int, int) const { return unpack(loaded); }
};

}  // namespace mcnn::cuda
