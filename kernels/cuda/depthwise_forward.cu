// Depthwise convolution, forward.  Contract and formula: kernels/operations/depthwise.h.
// Bandwidth-bound if each value is read and transformed once and a tap costs only its multiply-add:
//   v1  a thread per output, taps from global memory: k*k loads and transforms (an exponential each) per output
//   v2  k transformed rows in shared memory, a thread computes 7 outputs of a row: k*(7+k-1)/7 loads from shared memory per
//       output, at 32 per cycle against 128 multiply-adds per cycle
//   v3  one transformed row in shared memory. A thread has the sums of all output rows that read this row (7 columns of k rows)
//       and its channel's k*k weights in registers, so it reads each row from shared memory once: (7+k-1)/7 loads per output.
//       Two alternating buffers need one barrier per row; the next row is loaded into registers at the same time.     <- used
// Next: depthwise_cut.cuh cuts the work; moments.cuh merges the moments; the same on the CPU: kernels/cpu/depthwise_forward.cpp.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/depthwise_cut.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/norm_targets.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kColumns = 7;  // of a strip: 7 divides every width of an EfficientNet at 224

// Threads per block at most, and resident blocks: 3 leave a thread 80 registers, 2 leave 128. With more blocks it would spill.
constexpr int kThreads = 256;
template <int K, int S>
inline constexpr int kBlocksAtOnce = K == 3 && S == 1 ? 3 : 2;

/// Columns of x that `strips` strips of y read.
constexpr __host__ __device__ int columns_read(int kernel, int stride, int strips) { return (strips * kColumns - 1) * stride + kernel; }

struct ForwardCall {
  int height, width, out_height, out_width, channels;
  int pad_top, pad_left;
  DepthwiseCut cut;
};

/// Adds `valid` of a thread's outputs of a row, as stored. Sums are about the mean so far, so that no digits cancel.
__device__ void add_outputs(RunningMoments& moments, const Floats<kColumns>& y, int valid) {
  if (valid <= 0) return;
  const float pivot = moments.count > 0.f ? moments.mean : y[0];
  float sum = 0.f, squares = 0.f;
#pragma unroll
  for (int b = 0; b < kColumns; ++b) {
    const float off = b < valid ? y[b] - pivot : 0.f;
    sum += off;
    squares += off * off;
  }
  const float count = static_cast<float>(min(valid, kColumns)), delta = sum / count;
  moments.merge({count, pivot + delta, squares - sum * delta});
}

/// Blocks: (channels, columns and rows, samples). Shared memory: two rows (columns_read, blockDim.x); reused to merge moments.
template <class T, int K, int S, int N>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce<K, S>)
    depthwise_forward_kernel(FeatureView<T> x, const float* w, ForwardCall call, T* y, MomentParts parts, MomentTargets targets) {
  constexpr int kLive = (K + S - 1) / S;      // output rows that read a row of x
  constexpr int kAhead = N == 4 ? 2 * S : 4;  // vectors of a row loaded ahead: a thread's share of a usual row
  const int channels = call.channels, n = blockIdx.z;
  const int c0 = blockIdx.x * blockDim.x, strips = blockDim.y;
  const int j0 = blockIdx.y % call.cut.column_blocks * strips * kColumns;
  const int i0 = blockIdx.y / call.cut.column_blocks * call.cut.rows, rows = min(call.cut.rows, call.out_height - i0);
  const int first_column = j0 * S - call.pad_left, columns = columns_read(K, S, strips);  // of x
  const int first_row = i0 * S - call.pad_top, end_row = min(first_row + (rows - 1) * S + K, call.height);

  float* const buffers = dynamic_shared<float>();
  const int buffer = columns * blockDim.x;
  const int thread = threadIdx.y * blockDim.x + threadIdx.x, threads = blockDim.x * blockDim.y;
  for (int e = thread; e < 2 * buffer; e += threads) store<float, 1>(buffers + e, {0.f});  // stays 0 outside the image

  const RowShare share = RowShare::of<N>(channels - c0, max(0, -first_column), min(columns, call.width - first_column));
  const int c_in = min(c0 + share.channel, channels - N);
  const T* const image = x.raw + (static_cast<int64_t>(n) * call.height * call.width + first_column) * channels + c_in;
  const auto element = [&](int row, int column) { return image + (static_cast<int64_t>(row) * call.width + column) * channels; };
  Packed<T, N> ahead[kAhead];
  const auto load_ahead = [&](int row) {
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      if (share.begin + k * share.step < share.end) ahead[k] = load_packed<T, N>(element(row, share.begin + k * share.step));
    }
  };
  const auto transform_into = [&](float* out, int row) {
    FeatureReader<N> reader(x, c_in);  // loaded from the first-level cache each time: keeping it would take 3*N registers
    reader.set_sample(x, static_cast<int64_t>(n) * channels + c_in);
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int column = share.begin + k * share.step;
      if (column < share.end) store<float, N>(out + column * blockDim.x + share.channel, reader.z(unpack(ahead[k])));
    }
    for (int column = share.begin + kAhead * share.step; column < share.end; column += share.step)
      store<float, N>(out + column * blockDim.x + share.channel, reader.z(load<T, N>(element(row, column))));
  };

  const int c = c0 + threadIdx.x, j = j0 + threadIdx.y * kColumns;
  const int valid = c < channels ? call.out_width - j : 0;  // columns of the thread that are in the image
  float weight[K][K];
#pragma unroll
  for (int tap = 0; tap < K * K; ++tap) weight[tap / K][tap % K] = load_or<1>(c < channels ? w + tap * channels : nullptr, c, 0.f)[0];

  Floats<kColumns> sums[kLive] = {};  // of output rows i, i+1, ...
  RunningMoments moments;
  T* out = y + ((static_cast<int64_t>(n) * call.out_height + i0) * call.out_width + j) * channels + c;
  if (max(first_row, 0) < end_row) load_ahead(max(first_row, 0));
  __syncthreads();
  for (int i = 1 - kLive; i < rows; ++i) {
#pragma unroll
    for (int s = 0; s < S; ++s) {  // the last S of the K rows that output row i0 + i reads
      const int row = first_row + i * S + K - S + s;
      if (row < max(first_row, 0) || row >= end_row) continue;
      float* const z = buffers + (row & 1) * buffer;
      transform_into(z, row);
      if (row + 1 < end_row) load_ahead(row + 1);
      __syncthreads();  // after it, no thread reads the other buffer until it is written again
      const float* const taps = z + threadIdx.y * kColumns * S * blockDim.x + threadIdx.x;
#pragma unroll
      for (int t = 0; t < columns_read(K, S, 1); ++t) {
        const float value = load<float, 1>(taps + t * blockDim.x)[0];
#pragma unroll
        for (int q = 0; q < K; ++q) {
          if (t < q || (t - q) % S != 0 || (t - q) / S >= kColumns) continue;
#pragma unroll
          for (int live = 0; live < kLive; ++live) {
            const int p = K - S + s - live * S;
            if (p >= 0) sums[live][(t - q) / S] += value * weight[p][q];
          }
        }
      }
    }
    if (i >= 0) {
      Floats<kColumns> stored;
#pragma unroll
      for (int b = 0; b < kColumns; ++b) {
        stored[b] = rounded<T>(sums[0][b]);
        if (b < valid) store<T, 1>(out + b * channels, {stored[b]});
      }
      out += static_cast<int64_t>(call.out_width) * channels;
      if (targets.mean) add_outputs(moments, stored, valid);
    }
#pragma unroll
    for (int live = 0; live < kLive; ++live) sums[live] = live + 1 < kLive ? sums[live + 1] : Floats<kColumns>{};
  }
  if (!targets.mean) return;
  __syncthreads();
  merge_block(moments, buffers);
  parts.write_and_merge(blockIdx.x, blockDim.x, n * gridDim.y + blockIdx.y, moments,
                        [&](int channel, const RunningMoments& all) { targets.write(channel, all); });
}

}  // namespace

void CudaOps::execute(DepthwiseForward& op) {
  const Range name(op.kName);
  const int64_t channels = op.y.c(), strips = blocks_for(op.y.w(), kColumns);
  // Two buffers of columns_read(strips) columns.
  const DepthwiseCut cut = depthwise_cut(op.y.n(), channels, static_cast<int>(strips), static_cast<int>(op.y.h()), kThreads, 0,
                                         2 * (op.geometry.kernel - op.geometry.stride), 2 * kColumns * op.geometry.stride);
  const ForwardCall call{static_cast<int>(op.x.raw.h()), static_cast<int>(op.x.raw.w()),
                         static_cast<int>(op.y.h()),     static_cast<int>(op.y.w()),
                         static_cast<int>(channels),     op.geometry.pad_top,
                         op.geometry.pad_left,           cut};
  const Grid grid{
      .blocks = {static_cast<unsigned>(cut.channel_blocks), static_cast<unsigned>(cut.blocks_per_sample()),
                 static_cast<unsigned>(op.y.n())},
      .threads = {static_cast<unsigned>(cut.channels), static_cast<unsigned>(cut.strips)},
      .shared_bytes =
          2 * sizeof(float) * static_cast<std::size_t>(columns_read(op.geometry.kernel, op.geometry.stride, cut.strips) * cut.channels)};
  const MomentTargets targets = MomentTargets::of(op.moments, op.y.rows(), op.norm);
  const int64_t part_count = targets.mean ? op.y.n() * cut.blocks_per_sample() : 0;
  const MomentParts parts(scratch<float>(static_cast<std::size_t>(MomentParts::floats(part_count, channels, cut.channel_blocks))),
                          arrivals(MomentParts::arrival_count(part_count, cut.channel_blocks)), part_count, channels, cut.channel_blocks);
  with_storage(op.y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto go = [&]<int K, int S>() {
      const auto kernel = channels % 4 == 0 ? depthwise_forward_kernel<T, K, S, 4> : depthwise_forward_kernel<T, K, S, 1>;
      launch(kernel, grid, stream(), FeatureView<T>::of(op.x), elements<float>(op.w), call, elements<T>(op.y), parts, targets);
    };
    if (op.geometry.kernel == 3) {
      op.geometry.stride == 1 ? go.template operator()<3, 1>() : go.template operator()<3, 2>();
    } else {
      op.geometry.stride == 1 ? go.template operator()<5, 1>() : go.template operator()<5, 2>();
    }
  });
}

}  // namespace mcnn::cuda
