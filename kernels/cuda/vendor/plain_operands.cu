// The transform on read, as separate kernels that write z and dy to memory.
// Bandwidth-bound: a map is read once and written once. A thread keeps its channels and loads their coefficients once.
//   write_feature    writes z(x)
//   write_gradient   writes dy
// Next: feature.cuh and gradient_reader.cuh have the formulas.
#include "kernels/cuda/vendor/plain_operands.h"

#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/gradient_reader.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 8;  // per thread

/// z (rows, pitch).
template <class T, int N>
__global__ void write_feature(FeatureView<T> x, int channels, int pixels, ChannelTile tile, int64_t pitch, T* z) {
  const TilePlace<N> at(tile, channels, pixels);
  if (!at.inside) return;
  FeatureReader<N> read(x, at.channel);
  read.set_sample(x, static_cast<int64_t>(at.sample) * channels + at.channel);
#pragma unroll 2
  for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
    const int64_t row = static_cast<int64_t>(at.sample) * pixels + pixel;
    store<T, N>(z + row * pitch + at.channel, read.z(load<T, N>(x.raw + row * channels + at.channel)));
  }
}

template <class T, int N>
__global__ void write_gradient(OutputGradientView<T> dy, int channels, int pixels, ChannelTile tile, T* out) {
  const TilePlace<N> at(tile, channels, pixels);
  if (!at.inside) return;
  GradientReader<N> read(dy, at.channel);
  read.set_sample(dy, at.sample, static_cast<int64_t>(at.sample) * channels + at.channel);
#pragma unroll 2
  for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
    const int64_t i = (static_cast<int64_t>(at.sample) * pixels + pixel) * channels + at.channel;
    store<T, N>(out + i, read.read(dy, i));
  }
}

}  // namespace

int64_t plain_floats(const Feature& x, int64_t channels) {
  return is_plain(x) && channels == x.raw.c() ? 0 : floats_for(x.raw.rows() * channels, x.raw.dtype());
}
int64_t plain_floats(const OutputGradient& dy) { return floats_for(dy.of.raw.size(), dy.of.raw.dtype()); }

const void* plain_feature(const Feature& x, int64_t channels, void* memory, cudaStream_t stream) {
  const int64_t floats = plain_floats(x, channels);
  if (floats == 0) return x.raw.raw();
  const int own = static_cast<int>(x.raw.c()), pixels = static_cast<int>(x.raw.h() * x.raw.w());
  if (channels != own) MCNN_CUDA(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(floats) * sizeof(float), stream));
  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(own, [&](auto width) {
      const ChannelTile tile(x.raw, width(), kRows);
      launch(write_feature<T, width()>, {tile.blocks(x.raw.n()), tile.threads()}, stream, FeatureView<T>::of(x), own, pixels, tile,
             channels, static_cast<T*>(memory));
    });
  });
  return memory;
}

const void* plain_gradient(const OutputGradient& dy, void* memory, cudaStream_t stream) {
  const Tensor& y = dy.of.raw;
  const int channels = static_cast<int>(y.c()), pixels = static_cast<int>(y.h() * y.w());
  with_storage(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(y, width(), kRows);
      launch(write_gradient<T, width()>, {tile.blocks(y.n()), tile.threads()}, stream, OutputGradientView<T>::of(dy), channels, pixels,
             tile, static_cast<T*>(memory));
    });
  });
  return memory;
}

}  // namespace mcnn::cuda
