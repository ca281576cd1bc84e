// y = z(x) + sample_scale[n] * z(branch): the end of a block with a skip.  Contract: kernels/operations/residual.h.
// Bandwidth-bound: both features are read and transformed once, y is written once. A thread loads the coefficients of its channels once
// for all its rows.
// Next: dropout.cu computes sample_scale; batch_norm.cu has the sums of its backward.
#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 8;  // per thread

template <class T, int N>
__global__ void add_branch(FeatureView<T> x, FeatureView<T> branch, const float* sample_scale, int channels, int pixels, ChannelTile tile,
                           T* y) {
  const TilePlace<N> at(tile, channels, pixels);
  if (!at.inside) return;
  FeatureReader<N> read_x(x, at.channel), read_branch(branch, at.channel);
  const int64_t nc = static_cast<int64_t>(at.sample) * channels + at.channel;
  read_x.set_sample(x, nc);
  read_branch.set_sample(branch, nc);
  const float factor = sample_scale ? sample_scale[at.sample] : 1.f;
#pragma unroll 2
  for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
    const int64_t i = (static_cast<int64_t>(at.sample) * pixels + pixel) * channels + at.channel;
    const Floats<N> skip = read_x.z(load<T, N>(x.raw + i)), added = read_branch.z(load<T, N>(branch.raw + i));
    Floats<N> sum;
#pragma unroll
    for (int j = 0; j < N; ++j) sum[j] = fmaf(factor, added[j], skip[j]);
    store<T, N>(y + i, sum);
  }
}

}  // namespace

void CudaOps::execute(ResidualForward& op) {
  const Range name(op.kName);
  const int channels = static_cast<int>(op.y.c()), pixels = static_cast<int>(op.y.h() * op.y.w());
  with_storage(op.y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    with_width<T>(channels, [&](auto width) {
      const ChannelTile tile(op.y, width(), kRows);
      launch(add_branch<T, width()>, {tile.blocks(op.y.n()), tile.threads()}, stream(), FeatureView<T>::of(op.x),
             FeatureView<T>::of(op.branch), op.sample_scale.data<float>(), channels, pixels, tile, op.y.data<T>());
    });
  });
}

}  // namespace mcnn::cuda
