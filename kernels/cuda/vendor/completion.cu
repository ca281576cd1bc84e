// The second look at a library's results. Bandwidth-bound: y is read once more; dz is read and written once more.
// Blocks leave parts of their sums; the last ones merge them in their order.
//   take_block_moments       the mean first, then the squared deviations from it: a thread's values wait in registers meanwhile
//   complete_input_gradient  in place where dz lies in dx.stored: a thread reads an element before it writes it
// Next: moments.cuh and input_gradient.cuh have the formulas.
#include "kernels/cuda/vendor/completion.h"

#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 8;  // of a thread: what it keeps in registers

template <int N>
struct MomentsShared {
  float sums[ChannelTile::kThreads * N], means[ChannelTile::kThreads];
};

/// parts: one for each of a sample's parts. A thread for each channel of the tile, at least.
template <class T, int N>
__global__ void take_block_moments(const T* y, int channels, int pixels, ChannelTile tile, MomentParts parts, MomentTargets targets) {
  auto& shared = static_shared<MomentsShared<N>>();
  const TilePlace<N> at(tile, channels, pixels);
  const auto count = static_cast<float>(max(0, at.end - at.part * tile.rows_per_block));  // the last part may be empty
  const T* const values = y + static_cast<int64_t>(at.sample) * pixels * channels + at.channel;
  Packed<T, N> kept[kRows];
  Floats<N> sums{};
  const auto of_own = [&](auto use) {
#pragma unroll
    for (int i = 0; i < kRows; ++i)
      if (const int pixel = at.first + i * tile.rows; at.inside && pixel < at.end) use(kept[i], pixel);
  };
  of_own([&](Packed<T, N>& own, int pixel) {
    own = load_packed<T, N>(values + static_cast<int64_t>(pixel) * channels);
    const Floats<N> value = unpack(own);
#pragma unroll
    for (int j = 0; j < N; ++j) sums[j] += value[j];
  });
  sum_over_rows(tile, sums, shared.sums, [&](int i, float sum) { store<float, 1>(shared.means + i, {sum / fmaxf(count, 1.f)}); });
  __syncthreads();
  const Floats<N> mean = load<float, N>(shared.means + static_cast<int>(threadIdx.x) % tile.lanes * N);
  sums = {};
  of_own([&](Packed<T, N>& own, int) {
    const Floats<N> value = unpack(own);
#pragma unroll
    for (int j = 0; j < N; ++j) sums[j] += (value[j] - mean[j]) * (value[j] - mean[j]);
  });
  RunningMoments own;  // of channel threadIdx.x of the tile
  sum_over_rows(tile, sums, shared.sums, [&](int i, float sum) { own = {count, load<float, 1>(shared.means + i)[0], sum}; });
  parts.leave(blockIdx.y, tile.lanes * N, blockIdx.x, own, [&](int c, const RunningMoments& all) { targets.leave(c, all); });
}

template <int N>
struct CompletionShared {
  float sums[ChannelTile::kThreads * N];
};

/// dz (rows, pitch). dx.parts: one for each of a sample's parts.
template <class T, int N>
__global__ void complete_input_gradient(FeatureView<T> x, const T* dz, int64_t pitch, InputGradientView<T> dx, int channels, int pixels,
                                        ChannelTile tile) {
  float* const shared = static_shared<CompletionShared<N>>().sums;
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sums[kMostInputSums] = {};
  if (at.inside) {
    const InputGradientReader<N> reader(x, at.channel);
#pragma unroll 2
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const int64_t row = static_cast<int64_t>(at.sample) * pixels + pixel, i = row * channels + at.channel;
      Floats<N> value = load<T, N>(dz + row * pitch + at.channel);
      const Floats<N> raw = load<T, N>(x.raw + i), add = load_or<N>(dx.add, i, 0.f);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const LeftGradient left = reader.template left<T>(value[j] + add[j], raw[j], j);
        value[j] = left.stored;
#pragma unroll
        for (int k = 0; k < kMostInputSums; ++k) sums[k][j] += left.sums[k];
      }
      store<T, N>(dx.stored + i, value);
    }
  }
  if (!dx.parts.data) return;
  const int width = tile.lanes * N;
#pragma unroll
  for (int k = 0; k < kMostInputSums; ++k) {
    if (k >= dx.parts.rows) break;
    __syncthreads();  // the last sums have been read
    sum_over_rows(tile, sums[k], shared, [&](int i, float sum) {
      const int c = static_cast<int>(blockIdx.y) * width + i;
      if (c < channels) store<float, 1>(dx.parts.at(blockIdx.x, k, c), {sum});
    });
  }
  dx.merge_of_sample(at.sample, at.part, tile.parts, gridDim.x, blockIdx.y, width);
}

/// Calls f(zero of the storage type, elements of an access, tile).
template <class F>
void with_tile(const Tensor& map, F&& f) {
  with_storage(map.dtype(), [&](auto zero) {
    with_width<decltype(zero)>(map.c(), [&](auto width) { f(zero, width, ChannelTile(map, width(), kRows)); });
  });
}

/// The same with a thread for each channel of a tile, at least: on the lowest maps an access is one element.
template <class F>
void with_moment_tile(const Tensor& map, F&& f) {
  with_tile(map, [&](auto zero, auto width, const ChannelTile& tile) {
    if (tile.lanes * width() <= static_cast<int>(tile.threads()))
      f(zero, width, tile);
    else
      f(zero, std::integral_constant<int, 1>(), ChannelTile(map, 1, kRows));
  });
}

}  // namespace

MomentCut cut_moments(const Tensor& y, const MomentTargets& targets) {
  MomentCut cut{.channels = y.c()};
  if (!targets.mean) return cut;
  with_moment_tile(y, [&](auto, auto, const ChannelTile& tile) { cut.parts = y.n() * tile.parts, cut.tiles = tile.tiles; });
  return cut;
}

void take_moments(const Tensor& y, const MomentTargets& targets, const MomentCut& cut, float* memory, unsigned* tickets,
                  cudaStream_t stream) {
  if (!cut.parts) return;
  const MomentParts parts(memory, tickets, cut.parts, cut.channels, cut.tiles);
  with_moment_tile(y, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    launch(take_block_moments<T, width()>, {tile.blocks(y.n()), tile.threads()}, stream, elements<T>(y), static_cast<int>(y.c()),
           static_cast<int>(y.h() * y.w()), tile, parts, targets);
  });
}

InputSumCut cut_completion(const Feature& x, const InputGradient* dx) {
  InputSumCut cut;
  with_tile(x.raw, [&](auto, auto, const ChannelTile& tile) {
    const int64_t parts = x.raw.n() * tile.parts;
    cut = cut_input_sums(x, dx, parts, x.gate.defined() ? tile.parts : parts, tile.tiles);
  });
  return cut;
}

void complete_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, const InputSumCut& cut, float* memory,
                       unsigned* tickets, cudaStream_t stream) {
  with_tile(x.raw, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    launch(complete_input_gradient<T, width()>, {tile.blocks(x.raw.n()), tile.threads()}, stream, FeatureView<T>::of(x),
           static_cast<const T*>(dz), channels, InputGradientView<T>::of(x, &dx, cut, memory, tickets), static_cast<int>(x.raw.c()),
           static_cast<int>(x.raw.h() * x.raw.w()), tile);
  });
}

}  // namespace mcnn::cuda
