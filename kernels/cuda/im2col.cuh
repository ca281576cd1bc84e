// im2col: the operand of the dense convolution as a matrix product. A row is a pixel, its columns are the (tap, channel) pairs that the
// convolution sums there. Elements are gathered on read; the matrix is not stored.
//   Gather::inputs    row = output pixel (n,i,j), column = (p,q,ci): z at  h = i*s+p-pad_top,    w = j*s+q-pad_left
//   Gather::outputs   row = input pixel (n,h,w),  column = (p,q,o):  dy at i = (h+pad_top-p)/s,  j = (w+pad_left-q)/s, if whole
// Elements outside the map are 0. Forward reads inputs by fours if the channels are a multiple of four. An image's three channels are read
// one by one: a row of the stem's matrix is three runs of 9 values, so a request touches up to 1.7 times the sectors it uses (bf16);
// neighbouring threads find the rest in the first-level cache. Staging rows of the image would need a second layout beside OperandTile,
// for a map that is 0.2% of a step's bytes.
// Next: dense_forward.cu.
#pragma once
#include "kernels/cuda/divisor.h"
#include "kernels/cuda/operands.cuh"
#include "kernels/ops.h"

namespace mcnn::cuda {

enum class Gather : uint8_t { inputs, outputs };

template <class Rows, Gather kGather>
struct Im2col {
  using Element = typename Rows::Element;
  static constexpr int kWidth = Rows::kWidth;
  static constexpr bool kTransformed = true;
  struct Loaded {
    typename Rows::Loaded loaded;
    int pixel = -1;  // -1: outside the map
  };

  Rows map;
  ConvGeometry g;
  int height, width;                                  // of the map
  Divisor grid_pixels, grid_width, channels, kernel;  // grid: one pixel per row of the matrix
  int rows, columns;

  Im2col(const Rows& rows_of_map, const ConvGeometry& geometry, const Tensor& mapped, const Tensor& grid)
      : map(rows_of_map),
        g(geometry),
        height(static_cast<int>(mapped.h())),
        width(static_cast<int>(mapped.w())),
        grid_pixels(static_cast<int>(grid.h() * grid.w())),
        grid_width(static_cast<int>(grid.w())),
        channels(map.columns),
        kernel(g.kernel),
        rows(static_cast<int>(grid.rows())),
        columns(g.kernel * g.kernel * map.columns) {}

  __device__ Loaded fetch(int row, int column) const {
    const int n = grid_pixels.divide(row), in_sample = grid_pixels.remainder(row, n);
    const int line = grid_width.divide(in_sample), place = grid_width.remainder(in_sample, line);
    const int tap = channels.divide(column), p = kernel.divide(tap), q = kernel.remainder(tap, p);
    const int h = along(line, p, g.pad_top), w = along(place, q, g.pad_left);
    Loaded out;
    if (h < 0 || h >= height || w < 0 || w >= width) return out;
    out.pixel = (n * height + h) * width + w;
    out.loaded = map.fetch(out.pixel, channel(column));
    return out;
  }
  __device__ Floats<kWidth> value(const Loaded& loaded, int /*row*/, int column) const {
    return loaded.pixel < 0 ? Floats<kWidth>{} : map.value(loaded.loaded, loaded.pixel, channel(column));
  }

 private:
  __device__ int channel(int column) const { return channels.remainder(column, channels.divide(column)); }
  /// The map's coordinate, or -1.
  __device__ int along(int grid, int tap, int pad) const {
    if constexpr (kGather == Gather::inputs) return grid * g.stride + tap - pad;
    const int strided = grid + pad - tap;
    return strided % g.stride == 0 ? strided / g.stride : -1;
  }
};

/// Calls f with the number of input channels in one access, as a compile-time constant. N: elements in an access to the other operand.
template <int N, class F>
void with_input_width(int64_t input_channels, const F& f) {
  if constexpr (kByFours < N >> 1) {
    if (input_channels % kByFours<N> == 0) return f(std::integral_constant<int, kByFours<N>>());
  }
  f(std::integral_constant<int, 1>());
}

}  // namespace mcnn::cuda
