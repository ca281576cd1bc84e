// Epilogues for results of cuBLAS and cuDNN, as separate kernels. Bandwidth-bound: y is read once more; dz is read and written once
// more. Each block writes its part of the sums to scratch memory; the last block merges the parts in order.
//   take_block_moments       a thread adds its rows' moments eight rows at a time, about the mean so far; the block merges its threads'
//   complete_input_gradient  works in place if dz is dx.stored: a thread reads an element before it writes it
// Next: moments.cuh and input_gradient.cuh have the formulas.
#include "kernels/cuda/vendor/epilogues.h"

#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kChannels = 4;  // per thread of complete_input_gradient at most: it keeps six numbers for each
constexpr int kAhead = 8;     // rows that a thread of take_block_moments loads at once, to hide latency

template <int N>
struct MomentsShared {
  float mean[ChannelTile::kThreads * N], m2[ChannelTile::kThreads * N], count[ChannelTile::kThreads];
};

/// parts: one for each part of each sample. The block has at least as many threads as the tile has channels.
template <class T, int N>
__global__ void take_block_moments(const T* y, int channels, int pixels, ChannelTile tile, MomentParts parts, MomentTargets targets) {
  auto& shared = static_shared<MomentsShared<N>>();
  const TilePlace<N> at(tile, channels, pixels);
  const T* const values = y + static_cast<int64_t>(at.sample) * pixels * channels + at.channel;
  float count = 0.f;
  Floats<N> mean{}, m2{};
  for (int first = at.first; at.inside && first < at.end; first += kAhead * tile.rows) {
    Packed<T, N> ahead[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int pixel = min(first + i * tile.rows, at.end - 1);  // past the end: loads the last row again, not counted below
      ahead[i] = load_packed<T, N>(values + static_cast<int64_t>(pixel) * channels);
    }
    const Floats<N> pivot = count > 0.f ? mean : unpack(ahead[0]);
    Floats<N> sum{}, squares{};
    const int rows = min(kAhead, (at.end - first + tile.rows - 1) / tile.rows);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const Floats<N> value = unpack(ahead[i]);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const float off = i < rows ? value[j] - pivot[j] : 0.f;
        sum[j] += off;
        squares[j] = fmaf(off, off, squares[j]);
      }
    }
    // The squared deviations from the pivot exceed those from the rows' mean by rows*delta^2.
    const auto added = static_cast<float>(rows);
    const float share = added / (count + added), per_row = 1.f / added;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const float delta = sum[j] * per_row;
      m2[j] += fmaf(-sum[j], delta, squares[j]) + delta * delta * (count * share);
      mean[j] = pivot[j] + delta * (count > 0.f ? share : 1.f);
    }
    count += added;
  }

  const int width = tile.lanes * N, thread = static_cast<int>(threadIdx.x);
  store<float, N>(shared.mean + thread * N, mean);
  store<float, N>(shared.m2 + thread * N, m2);
  store<float, 1>(shared.count + thread, {count});
  __syncthreads();
  RunningMoments own;  // the block's, for channel threadIdx.x of the tile
  for (int row = 0; row < tile.rows && thread < width; ++row)
    own.merge({load<float, 1>(shared.count + row * tile.lanes + thread / N)[0], load<float, 1>(shared.mean + row * width + thread)[0],
               load<float, 1>(shared.m2 + row * width + thread)[0]});
  parts.write_and_merge(blockIdx.y, width, blockIdx.x, own, [&](int c, const RunningMoments& all) { targets.write(c, all); });
}

template <int N>
struct GradientShared {
  float sums[ChannelTile::kThreads * N];
};

/// dz (rows, pitch). dx.parts: one for each part of each sample.
template <class T, int N>
__global__ void complete_input_gradient(FeatureView<T> x, const T* dz, int64_t pitch, InputGradientView<T> dx, int channels, int pixels,
                                        ChannelTile tile) {
  float* const shared = static_shared<GradientShared<N>>().sums;
  const TilePlace<N> at(tile, channels, pixels);
  Floats<N> sums[kMostInputSums] = {};
  if (at.inside) {
    const SlopeReader<N> slopes(x, at.channel);
#pragma unroll 2
    for (int pixel = at.first; pixel < at.end; pixel += tile.rows) {
      const int64_t row = static_cast<int64_t>(at.sample) * pixels + pixel, i = row * channels + at.channel;
      Floats<N> value = load<T, N>(dz + row * pitch + at.channel);
      const Floats<N> raw = load<T, N>(x.raw + i), add = load_or<N>(dx.add, i, 0.f);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const GradientTerms terms = slopes.template terms<T>(value[j] + add[j], raw[j], j);
        value[j] = terms.stored;
#pragma unroll
        for (int k = 0; k < kMostInputSums; ++k) sums[k][j] += terms.sums[k];
      }
      store<T, N>(dx.stored + i, value);
    }
  }
  if (!dx.parts.data) return;
  const int width = tile.lanes * N;
#pragma unroll
  for (int k = 0; k < kMostInputSums; ++k) {
    if (k >= dx.parts.rows) break;
    __syncthreads();  // all threads have read the last sums
    sum_over_rows(tile, sums[k], shared, [&](int i, float sum) {
      const int c = static_cast<int>(blockIdx.y) * width + i;
      if (c < channels) store<float, 1>(dx.parts.at(blockIdx.x, k, c), {sum});
    });
  }
  dx.merge_of_sample(at.sample, at.part, tile.parts, gridDim.x, blockIdx.y, width);
}

/// Calls f(a zero of the storage type, elements per memory access, tile).
template <class F>
void with_gradient_tile(const Tensor& map, F&& f) {
  with_storage(map.dtype(), [&](auto zero) {
    with_width<decltype(zero), kChannels>(map.c(),
                                          [&](auto width) { f(zero, width, ChannelTile(map, width(), ChannelTile::rows_of_sums(map))); });
  });
}

/// The same with at least one thread per channel of a tile: on maps of fewer than eight pixels an access is one element.
template <class F>
void with_moment_tile(const Tensor& map, F&& f) {
  with_storage(map.dtype(), [&](auto zero) {
    with_width<decltype(zero)>(map.c(), [&](auto width) {
      const auto pixels = static_cast<int>(map.h() * map.w());
      const int rows = std::clamp(pixels / width(), 1, ChannelTile::rows_of_sums(map));  // 7x7 pixels: 6, so 8 threads along rows
      const ChannelTile tile(map, width(), rows);
      if (tile.lanes * width() <= static_cast<int>(tile.threads()))
        f(zero, width, tile);
      else
        f(zero, std::integral_constant<int, 1>(), ChannelTile(map, 1, rows));
    });
  });
}

}  // namespace

MomentCut cut_moments(const Tensor& y, const MomentTargets& targets) {
  MomentCut cut{.channels = y.c()};
  if (!targets.mean) return cut;
  with_moment_tile(y, [&](auto, auto, const ChannelTile& tile) { cut.parts = y.n() * tile.parts, cut.tiles = tile.tiles; });
  return cut;
}

void take_moments(const Tensor& y, const MomentTargets& targets, const MomentCut& cut, float* memory, unsigned* arrivals,
                  cudaStream_t stream) {
  if (!cut.parts) return;
  const MomentParts parts(memory, arrivals, cut.parts, cut.channels, cut.tiles);
  with_moment_tile(y, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    launch(take_block_moments<T, width()>, {tile.blocks(y.n()), tile.threads()}, stream, elements<T>(y), static_cast<int>(y.c()),
           static_cast<int>(y.h() * y.w()), tile, parts, targets);
  });
}

InputSumCut cut_gradient_sums(const Feature& x, const InputGradient& dx) {
  InputSumCut cut;
  with_gradient_tile(x.raw, [&](auto, auto, const ChannelTile& tile) {
    const int64_t parts = x.raw.n() * tile.parts;
    cut = cut_input_sums(x, dx, parts, x.gate.defined() ? tile.parts : parts, tile.tiles);
  });
  return cut;
}

void write_input_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, const InputSumCut& cut, float* memory,
                          unsigned* arrivals, cudaStream_t stream) {
  with_gradient_tile(x.raw, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    launch(complete_input_gradient<T, width()>, {tile.blocks(x.raw.n()), tile.threads()}, stream, FeatureView<T>::of(x),
           static_cast<const T*>(dz), channels, InputGradientView<T>::of(x, dx, cut, memory, arrivals), static_cast<int>(x.raw.c()),
           static_cast<int>(x.raw.h() * x.raw.w()), tile);
  });
}

}  // namespace mcnn::cuda
