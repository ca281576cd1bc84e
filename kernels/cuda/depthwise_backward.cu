// Depthwise convolution, backward: both gradients in one pass.  Contract and formulas: kernels/operations/depthwise.h.
//   v1  a kernel for each gradient, a thread per element of dx and a block per channel of dw: each computes dy, the costly operand (two
//       tensors, an exponential), k*k times, and x is read twice
//   v2  dy is computed once, row by row, into a ring in shared memory, which has the rows of dy that a row of x contributes to. A thread
//       has 7 (stride 2: 6) columns of x. It uses each dy from the ring for dx (times a weight) and for dw (times z), whose k*k sums are
//       in its registers. The next rows of x and dy are loaded at the same time. The ring has one more row than needed, so that one
//       barrier per row is enough
//   v3  a thread has two channels of a 16-bit type: it computes addresses and bounds once for both, and rows of the ring are a constant
//       apart. (v2 took as long in bf16 as in fp32 on an H200: instructions bound it, not bytes.)               <- used
// Weights are in shared memory: in registers they would spill. Blocks write parts of dw and of dx's sums, which the last block adds
// (moments.cuh).
// Next: depthwise_cut.cuh cuts the work; depthwise_forward.cu; the same on the CPU: kernels/cpu/depthwise_backward.cpp.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/depthwise_cut.cuh"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/gradient_reader.cuh"
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/shared_memory.cuh"

namespace mcnn::cuda {
namespace {

/// Channels per thread. For 5x5 kernels of stride 1, two channels need more registers than two resident blocks leave, and were slower.
constexpr __host__ __device__ int channels_of_thread(int kernel, int stride, std::size_t element_bytes, bool by_fours) {
  return by_fours && element_bytes == 2 && !(kernel == 5 && stride == 1) ? 2 : 1;
}

constexpr int kPitch = kDepthwiseChannels;  // floats from a column of the ring to the next

// Columns of x in a strip: 7 divides every width of an EfficientNet at 224. For stride 2 the number is even, so that the taps of each
// column are known at compile time; 8 would spill.
constexpr __host__ __device__ int strip_columns(int stride) { return stride == 1 ? 7 : 6; }
constexpr int kThreads = 192;  // per block at most: two blocks leave a thread 168 registers; two of 256 leave 128, which would spill
/// Rows of dy that a row of x contributes to; likewise columns for a column of x.
constexpr __host__ __device__ int rows_of_dy(int kernel, int stride) { return (kernel + stride - 1) / stride; }
/// Columns of dy that `strips` strips of x contribute to.
constexpr __host__ __device__ int columns_of_dy(int kernel, int stride, int strips) {
  return strips * strip_columns(stride) / stride + rows_of_dy(kernel, stride) - 1;
}
/// Sums per thread and channel: of dw, and dx's sums.
constexpr __host__ __device__ int sums_of(int kernel) { return kernel * kernel + kMostInputSums; }

struct BackwardCall {
  int height, width, out_height, out_width, channels;
  int pad_top, pad_left;
  int end_step;  // the first step of a sample is pad_top/stride
  DepthwiseCut cut;
};

/// Step m: rows h = m*S - pad_top + s of x, s < S; kernel row p = s + live*S multiplies row h in dy's row m - live.
/// Columns t = w + pad_left: strips begin where S divides t; kernel column q multiplies column t = j*S + q in dy's column j.
/// Blocks: (channels, columns and steps, samples). Threads: (channels / V, strips). Shared memory: ring (rows_of_dy + 1, columns_of_dy,
/// kPitch) of dy and weights (K*K, kPitch); reused for V*sums_of(K) floats per thread.
template <class T, int K, int S, int N>
__global__ void __launch_bounds__(kThreads, 2)
    depthwise_backward_kernel(FeatureView<T> x, const float* w, OutputGradientView<T> dy, BackwardCall call, InputGradientView<T> dx,
                              float* dw, SumParts dw_parts) {
  constexpr int V = channels_of_thread(K, S, sizeof(T), N == 4);
  constexpr int kColumns = strip_columns(S), kDyRows = rows_of_dy(K, S), kSlots = kDyRows + 1;
  constexpr int kAhead = N == 1 ? 4 : (S == 1 ? 2 : 1) * V;  // vectors of a row loaded ahead: a thread's share of a usual row
  const int channels = call.channels, n = blockIdx.z;
  const int c0 = blockIdx.x * blockDim.x * V, strips = blockDim.y;
  const int t0 = call.pad_left - call.pad_left % S + blockIdx.y % call.cut.column_blocks * strips * kColumns;
  const int m0 = call.pad_top / S + blockIdx.y / call.cut.column_blocks * call.cut.rows, m1 = min(m0 + call.cut.rows, call.end_step);
  const int first_column = t0 / S - (kDyRows - 1), columns = columns_of_dy(K, S, strips);  // of dy
  const int end_row = min(m1, call.out_height);                                            // of dy
  const int begin_h = max(m0 * S - call.pad_top, 0), end_h = min(m1 * S - call.pad_top, call.height);

  float* const ring = dynamic_shared<float>();
  const int slot = columns * kPitch;
  float* const weights = ring + kSlots * slot + threadIdx.x * V;
  const int thread = threadIdx.y * blockDim.x + threadIdx.x, threads = blockDim.x * blockDim.y;
  for (int e = thread; e < kSlots * slot; e += threads) store<float, 1>(ring + e, {0.f});  // stays 0 outside the image
  const int c = c0 + threadIdx.x * V;                                                      // of V
  const bool active = c < channels;
  for (int tap = threadIdx.y; tap < K * K; tap += strips)
    store<float, V>(weights + tap * kPitch, load_or<V>(active ? w : nullptr, tap * channels + c, 0.f));
  __syncthreads();

  // dy, by vectors of N channels.
  const RowShare share = RowShare::of<N, V>(channels - c0, max(0, -first_column), min(columns, call.out_width - first_column));
  const int c_in = min(c0 + share.channel, channels - N);
  const auto element = [&](int row, int column) {
    return ((static_cast<int64_t>(n) * call.out_height + row) * call.out_width + first_column + column) * channels + c_in;
  };
  const auto slot_of = [&](int row) { return ring + static_cast<unsigned>(row) % kSlots * slot; };
  const bool reads_raw = dy.reads_raw();
  Packed<T, N> stored[kAhead], raw[kAhead];
  const auto load_ahead = [&](int row) {
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int column = share.begin + k * share.step;
      if (column >= share.end) continue;
      if (dy.stored) stored[k] = load_packed<T, N>(dy.stored + element(row, column));
      if (reads_raw) raw[k] = load_packed<T, N>(dy.y.raw + element(row, column));
    }
  };
  const auto form = [&](int row) {
    GradientReader<N> reader(dy, c_in);  // loaded from the first-level cache each time: keeping it would take 7*N registers
    reader.set_sample(dy, n, static_cast<int64_t>(n) * channels + c_in);
    float* const out = slot_of(row) + share.channel;
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int column = share.begin + k * share.step;
      if (column < share.end) store<float, N>(out + column * kPitch, reader.dy(unpack(stored[k]), unpack(raw[k])));
    }
    for (int column = share.begin + kAhead * share.step; column < share.end; column += share.step)
      store<float, N>(out + column * kPitch, reader.read(dy, element(row, column)));
  };

  // The thread's strip of x.
  const int w0 = t0 + threadIdx.y * kColumns - call.pad_left;
  const auto inside = [&](int b) { return active && w0 + b >= 0 && w0 + b < call.width; };
  const auto first_of = [&](auto* map, int h) {
    return map + ((static_cast<int64_t>(n) * call.height + h) * call.width + w0) * channels + c;
  };
  struct Strip {
    Packed<T, V> column[kColumns];  // zeros outside
  };
  const auto load_strip = [&](const T* map, int h) {
    Strip out;
    const T* const first = first_of(map, h);
#pragma unroll
    for (int b = 0; b < kColumns; ++b)
      if (inside(b)) out.column[b] = load_packed<T, V>(first + b * channels);
    return out;
  };
  Floats<V * sums_of(K)> sums = {};  // (sums, V)

  for (int row = max(m0 - kDyRows + 1, 0); row < min(m0, end_row); ++row) {
    load_ahead(row);
    form(row);
  }
  if (m0 < end_row) load_ahead(m0);
  Strip x_ahead = load_strip(x.raw, begin_h);
  for (int m = m0; m < m1; ++m) {
    if (m < end_row) form(m);
    if (m + 1 < end_row) load_ahead(m + 1);
    __syncthreads();  // until the next barrier, no thread reads the slot of row m + 1
#pragma unroll
    for (int s = 0; s < S; ++s) {
      const int h = m * S - call.pad_top + s;
      if (h < begin_h || h >= end_h) continue;
      const Strip x_raw = x_ahead;
      if (h + 1 < end_h) x_ahead = load_strip(x.raw, h + 1);
      float dz[kColumns][V] = {}, a[kColumns][V], slope[kColumns][V];
      if (dx.add) {
        const Strip add = load_strip(dx.add, h);
#pragma unroll
        for (int b = 0; b < kColumns; ++b)
#pragma unroll
          for (int v = 0; v < V; ++v) dz[b][v] = to_float(add.column[b].elements[v]);
      }
      const SlopeReader<V> slopes(x, min(c, channels - V));  // loaded each time, as above
      with_activation(x.act, [&](Activation constant) {
#pragma unroll
        for (int b = 0; b < kColumns; ++b)
#pragma unroll
          for (int v = 0; v < V; ++v)
            act_with_slope(constant, slopes.scale[v] * to_float(x_raw.column[b].elements[v]) + slopes.shift[v], a[b][v], slope[b][v]);
      });
#pragma unroll
      for (int b = 0; b < kColumns; ++b)
#pragma unroll
        for (int v = 0; v < V; ++v) a[b][v] = inside(b) ? a[b][v] : 0.f;

#pragma unroll
      for (int live = 0; live < kDyRows; ++live) {
        const int p = s + live * S, row = m - live;
        if (p >= K || row < 0 || row >= call.out_height) continue;
        const float* const gradients = slot_of(row) + threadIdx.y * (kColumns / S) * kPitch + threadIdx.x * V;
        Floats<V> weight[K];
#pragma unroll
        for (int q = 0; q < K; ++q) weight[q] = load<float, V>(weights + (p * K + q) * kPitch);
#pragma unroll
        for (int j = 0; j < columns_of_dy(K, S, 1); ++j) {
          const Floats<V> gradient = load<float, V>(gradients + j * kPitch);
#pragma unroll
          for (int q = 0; q < K; ++q) {
            const int b = (j - (kDyRows - 1)) * S + q;
            if (b < 0 || b >= kColumns) continue;
#pragma unroll
            for (int v = 0; v < V; ++v) {
              dz[b][v] += gradient[v] * weight[q][v];
              sums[(p * K + q) * V + v] += gradient[v] * a[b][v];
            }
          }
        }
      }

      if (!dx.stored) continue;
      const Floats<V> mean = load_or<V>(x.mean, min(c, channels - V), 0.f);
      T* const stored_row = first_of(dx.stored, h);
#pragma unroll
      for (int b = 0; b < kColumns; ++b) {
        if (!inside(b)) continue;
        Floats<V> stored_here;
#pragma unroll
        for (int v = 0; v < V; ++v) {
          const float centred = x.mean ? to_float(x_raw.column[b].elements[v]) - mean[v] : 0.f;
          const GradientTerms terms = gradient_terms<T>(x.gate != nullptr, dz[b][v], a[b][v], slope[b][v], centred);
          stored_here[v] = terms.stored;
#pragma unroll
          for (int i = 0; i < kMostInputSums; ++i) sums[(K * K + i) * V + v] += terms.sums[i];
        }
        store<T, V>(stored_row + b * channels, stored_here);
      }
    }
  }

  __syncthreads();
  add_block(sums, ring);
  const bool writes = threadIdx.y == 0 && active;
  const int per_sample = gridDim.y, part = n * per_sample + blockIdx.y, width = static_cast<int>(blockDim.x) * V;
  const auto sum = [&](int i, int v) { return sums[i * V + v]; };
  if (dw) {
    const Floats<V> gate = load_or<V>(writes ? x.gate : nullptr, static_cast<int64_t>(n) * channels + c, 1.f);  // of z = a*gate
#pragma unroll
    for (int tap = 0; tap < K * K; ++tap) {
      Floats<V> own;
#pragma unroll
      for (int v = 0; v < V; ++v) own[v] = sum(tap, v) * gate[v];
      if (writes) store<float, V>(dw_parts.at(part, tap, c), own);
    }
    dw_parts.merge(blockIdx.x, 0, part, gridDim.z * per_sample, {0, K * K, c0, width},
                   [&](int tap, int channel, float total) { store<float, 1>(dw + tap * channels + channel, {total}); });
  }
  if (dx.parts.data) {
#pragma unroll
    for (int i = 0; i < kMostInputSums; ++i) {
      Floats<V> own;
#pragma unroll
      for (int v = 0; v < V; ++v) own[v] = sum(K * K + i, v);
      if (writes && i < dx.parts.rows) store<float, V>(dx.parts.at(part, i, c), own);
    }
    dx.merge_of_sample(n, blockIdx.y, per_sample, gridDim.z * per_sample, blockIdx.x, width);
  }
}

}  // namespace

void CudaOps::execute(DepthwiseBackward& op) {
  const Range name(op.kName);
  if (!op.dw.defined() && !op.dx.requested()) return;
  const Tensor& y = op.dy.of.raw;
  const int64_t channels = op.x.raw.c();
  const int height = static_cast<int>(op.x.raw.h()), width = static_cast<int>(op.x.raw.w()), kernel = op.geometry.kernel,
            stride = op.geometry.stride;
  const int dy_rows = rows_of_dy(kernel, stride), columns = strip_columns(stride);
  const int end_step = (height - 1 + op.geometry.pad_top) / stride + 1;
  const auto strips = static_cast<int>(blocks_for(op.geometry.pad_left % stride + width, columns));
  const int of_thread = channels_of_thread(kernel, stride, size_of(op.x.raw.dtype()), channels % 4 == 0);
  const DepthwiseCut cut =
      depthwise_cut(op.x.raw.n(), channels, strips, end_step - op.geometry.pad_top / stride, kThreads * of_thread, kPitch,
                    (dy_rows + 1) * (dy_rows - 1) + kernel * kernel, std::max((dy_rows + 1) * columns / stride, sums_of(kernel)));
  const BackwardCall call{height,
                          width,
                          static_cast<int>(y.h()),
                          static_cast<int>(y.w()),
                          static_cast<int>(channels),
                          op.geometry.pad_top,
                          op.geometry.pad_left,
                          end_step,
                          cut};

  const int64_t parts_per_sample = cut.blocks_per_sample(), parts = op.x.raw.n() * parts_per_sample;
  const InputSumCut sums = cut_input_sums(op.x, op.dx, parts, op.x.gate.defined() ? parts_per_sample : parts, cut.channel_blocks);
  const int64_t dw_arrivals = op.dw.defined() ? cut.channel_blocks * MergeTree(parts).arrivals : 0;
  const auto [dw_memory, sum_memory] = scratch_pieces(op.dw.defined() ? parts * op.w.size() : 0, sums.floats());
  unsigned* const counters = arrivals(dw_arrivals + sums.arrivals());
  const SumParts dw_parts{dw_memory, counters, kernel * kernel, static_cast<int>(channels), MergeTree(parts)};

  const int floats =
      std::max((dy_rows + 1) * columns_of_dy(kernel, stride, cut.strips) + kernel * kernel, sums_of(kernel) * cut.strips);  // of a channel
  const Grid grid{
      .blocks = {static_cast<unsigned>(cut.channel_blocks), static_cast<unsigned>(parts_per_sample), static_cast<unsigned>(op.x.raw.n())},
      .threads = {static_cast<unsigned>(cut.channels / of_thread), static_cast<unsigned>(cut.strips)},
      .shared_bytes = sizeof(float) * static_cast<std::size_t>(floats * kPitch)};
  with_storage(op.x.raw.dtype(), [&, sum_memory = sum_memory](auto zero) {
    using T = decltype(zero);
    const auto input_gradient = InputGradientView<T>::of(op.x, op.dx, sums, sum_memory, counters + dw_arrivals);
    const auto go = [&]<int K, int S>() {
      const auto kernel_of_width = channels % 4 == 0 ? depthwise_backward_kernel<T, K, S, 4> : depthwise_backward_kernel<T, K, S, 1>;
      launch(kernel_of_width, grid, stream(), FeatureView<T>::of(op.x), elements<float>(op.w), OutputGradientView<T>::of(op.dy), call,
             input_gradient, elements<float>(op.dw), dw_parts);
    };
    if (kernel == 3) {
      stride == 1 ? go.template operator()<3, 1>() : go.template operator()<3, 2>();
    } else {
      stride == 1 ? go.template operator()<5, 1>() : go.template operator()<5, 2>();
    }
  });
}

}  // namespace mcnn::cuda
