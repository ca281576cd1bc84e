// The second look at a library's results. Bandwidth-bound: y is read once more; dz is read and written once more.
// Blocks leave parts of their sums, moments.cu merges them in their order.
//   take_block_moments       the mean first, then the squared deviations from it: a thread's values wait in registers meanwhile
//   complete_input_gradient  in place where dz lies in dx.stored: a thread reads an element before it writes it
// Next: moments.cuh and input_gradient.cuh have the formulas.
#include "kernels/cuda/vendor/completion.h"

#include "kernels/cuda/channel_tile.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kRows = 8;  // of a thread: what it keeps in registers

template <int N>
struct MomentsShared {
  float sums[ChannelTile::kThreads * N], totals[ChannelTile::kThreads * N];
};

/// parts: one for each of a sample's parts.
template <class T, int N>
__global__ void take_block_moments(const T* y, int channels, int pixels, ChannelTile tile, MomentParts parts) {
  auto& shared = static_shared<MomentsShared<N>>();
  const TilePlace<N> at(tile, channels, pixels);
  const int lane = static_cast<int>(threadIdx.x) % tile.lanes * N, first_channel = static_cast<int>(blockIdx.y) * tile.lanes * N;
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
  sum_over_rows(tile, sums, shared.sums, [&](int c, float sum) { store<float, 1>(shared.totals + c, {sum / fmaxf(count, 1.f)}); });
  __syncthreads();
  const Floats<N> mean = load<float, N>(shared.totals + lane);
  sums = {};
  of_own([&](Packed<T, N>& own, int) {
    const Floats<N> value = unpack(own);
#pragma unroll
    for (int j = 0; j < N; ++j) sums[j] += (value[j] - mean[j]) * (value[j] - mean[j]);
  });
  sum_over_rows(tile, sums, shared.sums, [&](int i, float sum) {
    if (first_channel + i < channels)
      parts.write(blockIdx.x, first_channel + i, RunningMoments<1>{count, {load<float, 1>(shared.totals + i)}, {sum}});
  });
}

template <int N>
struct CompletionShared {
  float sums[ChannelTile::kThreads * N];
};

/// dz (rows, pitch); dx.parts (parts, layout.sums, C), a part for each of a sample's parts.
template <class T, int N>
__global__ void complete_input_gradient(FeatureView<T> x, const T* dz, int64_t pitch, InputGradientView<T> dx, int sums_wanted,
                                        int channels, int pixels, ChannelTile tile) {
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
  if (!dx.parts) return;
#pragma unroll
  for (int k = 0; k < kMostInputSums; ++k) {
    if (k >= sums_wanted) break;
    float* const out = dx.parts + (static_cast<int64_t>(blockIdx.x) * sums_wanted + k) * channels;
    __syncthreads();  // the last sums have been read
    sum_over_rows(tile, sums[k], shared, [&](int i, float sum) {
      const int c = static_cast<int>(blockIdx.y) * tile.lanes * N + i;
      if (c < channels) store<float, 1>(out + c, {sum});
    });
  }
}

/// Calls f(zero of the storage type, elements of an access, tile).
template <class F>
void with_tile(const Tensor& map, F&& f) {
  with_storage(map.dtype(), [&](auto zero) {
    with_width<decltype(zero)>(map.c(), [&](auto width) { f(zero, width, ChannelTile(map, width(), kRows)); });
  });
}

InputSumParts layout_of(const Feature& x, const InputGradient& dx) {
  int64_t parts = 0;
  if (wants_sums(dx)) with_tile(x.raw, [&](auto, auto, const ChannelTile& tile) { parts = tile.parts; });
  return InputSumParts::of(x, parts);
}

}  // namespace

std::size_t moments_bytes(const Tensor& y, const Moments* moments) {
  int64_t floats = 0;
  if (moments) with_tile(y, [&](auto, auto, const ChannelTile& tile) { floats = MomentParts::floats(y.n() * tile.parts, y.c()); });
  return static_cast<std::size_t>(floats) * sizeof(float);
}

void take_moments(const Tensor& y, Moments* moments, void* memory, cudaStream_t stream) {
  if (!moments) return;
  with_tile(y, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    const MomentParts parts(static_cast<float*>(memory), y.n() * tile.parts, y.c());
    launch(take_block_moments<T, width()>, {tile.blocks(y.n()), tile.threads()}, stream, elements<T>(y), static_cast<int>(y.c()),
           static_cast<int>(y.h() * y.w()), tile, parts);
    merge_moments(stream, parts, *moments);
  });
}

std::size_t completion_bytes(const Feature& x, const InputGradient& dx) {
  return static_cast<std::size_t>(layout_of(x, dx).floats()) * sizeof(float);
}

void complete_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, void* memory, cudaStream_t stream) {
  const InputSumParts layout = layout_of(x, dx);
  float* const parts = layout.parts_per_group ? static_cast<float*>(memory) : nullptr;
  with_tile(x.raw, [&](auto zero, auto width, const ChannelTile& tile) {
    using T = decltype(zero);
    launch(complete_input_gradient<T, width()>, {tile.blocks(x.raw.n()), tile.threads()}, stream, FeatureView<T>::of(x),
           static_cast<const T*>(dz), channels, InputGradientView<T>{elements<T>(dx.stored), elements<T>(dx.add), parts}, layout.sums,
           static_cast<int>(x.raw.c()), static_cast<int>(x.raw.h() * x.raw.w()), tile);
  });
  if (parts) merge_input_sums(stream, parts, layout, x, dx);
}

}  // namespace mcnn::cuda
