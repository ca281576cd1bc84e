// What becomes of a block's results in a matrix product (product.cuh): row by row, N neighbouring columns a thread, so that
// maps are read and written in 128-bit accesses. Sums over the block's rows are taken in a fixed order and leave as parts that a
// second kernel merges (moments.cuh, input_gradient.cuh).
//   OutputEpilogue     y, and parts of its moments
//   GradientEpilogue   what the data gradient leaves for x, and parts of its sums
//   WeightEpilogue     dw over a slice of the rows
// Next: operands.cuh has what products read.
#pragma once
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/product.cuh"

namespace mcnn::cuda {

/// How threads share out a result tile: neighbours have neighbouring columns.
template <int N>
struct ResultThreads {
  static constexpr int kGroups = kProductColumns / N, kLanes = kProductThreads / kGroups, kRows = kProductRows / kLanes;
  __device__ static int column() { return static_cast<int>(threadIdx.x) % kGroups * N; }
  __device__ static int lane() { return static_cast<int>(threadIdx.x) / kGroups; }  // rows lane() + i*kLanes
};

inline constexpr int kColumnSumParts = kProductThreads / 32;
/// Where add_columns leaves sum k of a column.
template <int N, class Float>
__device__ Float* column_sum(Float* shared, int k, int column) {
  constexpr int kGroups = ResultThreads<N>::kGroups, kParts = kProductThreads / (kGroups < 32 ? 32 : kGroups);
  return shared + k * kParts * kProductColumns + column;
}
/// Adds K sums of N columns up over the threads of a block that share columns. All threads receive the sums of their columns, and
/// find the others' until the next call. `shared` holds K * kColumnSumParts * kProductColumns floats.
template <int N, int K>
__device__ void add_columns(Floats<N> (&sums)[K], float* shared) {
  constexpr int kGroups = ResultThreads<N>::kGroups, kAcross = kGroups < 32 ? 32 : kGroups, kParts = kProductThreads / kAcross;
  // Groups that occur more than once in a warp.
#pragma unroll
  for (int offset = kGroups; offset < 32; offset *= 2)
#pragma unroll
    for (int k = 0; k < K; ++k)
#pragma unroll
      for (int i = 0; i < N; ++i) sums[k][i] += __shfl_xor_sync(0xffffffffu, sums[k][i], offset);

  const int self = static_cast<int>(threadIdx.x), column = ResultThreads<N>::column();
  __syncthreads();  // an earlier call's readers are done
  if (self % kAcross < kGroups)
#pragma unroll
    for (int k = 0; k < K; ++k) store<float, N>(shared + (k * kParts + self / kAcross) * kProductColumns + column, sums[k]);
  __syncthreads();
  for (int i = self; i < K * kProductColumns; i += kProductThreads) {
    float* const first = column_sum<N>(shared, i / kProductColumns, i % kProductColumns);
    float sum = load<float, 1>(first)[0];
#pragma unroll
    for (int part = 1; part < kParts; ++part) sum += load<float, 1>(first + part * kProductColumns)[0];
    store<float, 1>(first, {{sum}});
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < K; ++k) sums[k] = load<float, N>(column_sum<N>(shared, k, column));
}

template <class T, int N>
struct OutputEpilogue {
  static constexpr int kSharedFloats = kColumnSumParts * kProductColumns;

  T* y;               // (rows, columns)
  MomentParts parts;  // one per tile of rows; mean null: not wanted
  int rows, columns;

  /// The mean first, then the squared deviations from it: the values wait in registers meanwhile.
  __device__ void operator()(const ResultTile& result, int m, int n, int tile, int /*slice*/, float* shared) const {
    using Threads = ResultThreads<N>;
    const int column = Threads::column(), last = min(kProductRows, rows - m);
    const bool inside = n + column < columns;
    Packed<T, N> kept[Threads::kRows];
    Floats<N> sums[1] = {};
#pragma unroll
    for (int i = 0; i < Threads::kRows; ++i) {
      const int row = Threads::lane() + i * Threads::kLanes;
      if (!inside || row >= last) continue;
      kept[i] = pack<T, N>(load<float, N>(result.at(row, column)));
      store_packed<T, N>(y + static_cast<int64_t>(m + row) * columns + n + column, kept[i]);
      const Floats<N> value = unpack(kept[i]);
#pragma unroll
      for (int j = 0; j < N; ++j) sums[0][j] += value[j];
    }
    if (!parts.mean) return;
    add_columns(sums, shared);
    const auto count = static_cast<float>(last);
    const int own = static_cast<int>(threadIdx.x);  // the first threads write a column each
    RunningMoments<1> moments;
    moments.count = count;
    if (own < kProductColumns) moments.mean[0] = load<float, 1>(shared + own)[0] / count;
    Floats<N> mean;
#pragma unroll
    for (int j = 0; j < N; ++j) mean[j] = sums[0][j] / count;
    sums[0] = {};
#pragma unroll
    for (int i = 0; i < Threads::kRows; ++i) {
      if (!inside || Threads::lane() + i * Threads::kLanes >= last) continue;
      const Floats<N> value = unpack(kept[i]);
#pragma unroll
      for (int j = 0; j < N; ++j) sums[0][j] += (value[j] - mean[j]) * (value[j] - mean[j]);
    }
    add_columns(sums, shared);
    if (own >= kProductColumns || n + own >= columns) return;
    moments.m2 = load<float, 1>(shared + own);
    parts.write(tile, n + own, moments);
  }
};

/// Sums by sample, or over all rows: a tile of rows is walked in segments of one group.
template <class T, int N>
struct GradientEpilogue {
  static constexpr int kSharedFloats = kMostInputSums * kColumnSumParts * kProductColumns;

  FeatureView<T> x;
  InputGradientView<T> dx;
  InputSumParts layout;
  int rows, columns, group_rows;  // group_rows: of a sample where x has a gate, else all

  /// A group meets this many tiles at most.
  static int64_t parts_per_group(int64_t group_rows, int64_t groups) {
    return groups == 1 ? product_row_tiles(group_rows) : (group_rows + kProductRows - 2) / kProductRows + 1;
  }

  __device__ void operator()(const ResultTile& result, int m, int n, int /*tile*/, int /*slice*/, float* shared) const {
    using Threads = ResultThreads<N>;
    const int column = Threads::column(), c = n + column, last = min(kProductRows, rows - m);
    const bool inside = c < columns;
    const InputGradientReader<N> reader(x, min(c, columns - N));
    for (int begin = 0; begin < last;) {
      const int group = (m + begin) / group_rows, end = min(last, (group + 1) * group_rows - m);
      Floats<N> sums[kMostInputSums] = {};
      for (int row = begin + Threads::lane(); inside && row < end; row += Threads::kLanes)
        leave(load<float, N>(result.at(row, column)), static_cast<int64_t>(m + row) * columns + c, reader, sums);
      if (dx.parts) {
        add_columns(sums, shared);
        write(shared, group, m, n, m + end == (group + 1) * group_rows);
      }
      begin = end;
    }
  }

 private:
  __device__ void leave(Floats<N> dz, int64_t at, const InputGradientReader<N>& reader, Floats<N> (&sums)[kMostInputSums]) const {
    const Floats<N> raw = load<T, N>(x.raw + at);
    if (dx.add) {
      const Floats<N> add = load<T, N>(dx.add + at);
#pragma unroll
      for (int j = 0; j < N; ++j) dz[j] += add[j];
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const LeftGradient left = reader.template left<T>(dz[j], raw[j], j);
      dz[j] = left.stored;
#pragma unroll
      for (int k = 0; k < kMostInputSums; ++k) sums[k][j] += left.sums[k];
    }
    store<T, N>(dx.stored + at, dz);
  }
  /// Parts of a group count from the first tile that it meets. Its last tile leaves zeros where there is no further one.
  __device__ void write(const float* shared, int group, int m, int n, bool is_last) const {
    const int own = static_cast<int>(threadIdx.x), c = n + own;  // the first threads write a column each
    if (own >= kProductColumns || c >= columns) return;
    const int64_t per_group = layout.parts_per_group;
    const int64_t part = m / kProductRows - static_cast<int64_t>(group) * group_rows / kProductRows;
    for (int64_t p = part; p < (is_last ? per_group : part + 1); ++p)
      for (int k = 0; k < layout.sums; ++k)
        store<float, 1>(dx.parts + ((group * per_group + p) * layout.sums + k) * columns + c,
                        p == part ? load<float, 1>(column_sum<N>(shared, k, own)) : Floats<1>{});
  }
};

template <int N>
struct WeightEpilogue {
  static constexpr int kSharedFloats = 4;  // none is used; an array has to have a length

  float* dw;  // (slices, rows, columns)
  int rows, columns;

  __device__ void operator()(const ResultTile& result, int m, int n, int /*tile*/, int slice, float* /*shared*/) const {
    using Threads = ResultThreads<N>;
    const int column = Threads::column(), last = min(kProductRows, rows - m);
    if (n + column >= columns) return;
    for (int row = Threads::lane(); row < last; row += Threads::kLanes)
      store<float, N>(dw + (static_cast<int64_t>(slice) * rows + m + row) * columns + n + column, load<float, N>(result.at(row, column)));
  }
};

/// Where a data gradient by product leaves the parts of its sums; none where none is wanted.
inline InputSumParts product_input_sums(const Feature& x, const InputGradient* dx) {
  InputSumParts layout = InputSumParts::of(x, 0);
  if (dx && wants_sums(*dx)) {
    const bool gated = x.gate.defined();
    layout.parts_per_group = GradientEpilogue<float, 1>::parts_per_group(gated ? x.raw.h() * x.raw.w() : x.raw.rows(), layout.groups);
  }
  return layout;
}
template <class T, int N>
GradientEpilogue<T, N> product_input_epilogue(const Feature& x, InputGradient& dx, const InputSumParts& layout, float* parts) {
  const int64_t rows = x.raw.rows();
  return {FeatureView<T>::of(x),
          {elements<T>(dx.stored), elements<T>(dx.add), layout.parts_per_group ? parts : nullptr},
          layout,
          static_cast<int>(rows),
          static_cast<int>(x.raw.c()),
          static_cast<int>(x.gate.defined() ? x.raw.h() * x.raw.w() : rows)};
}

/// How dw (in, out), a sum over rows, is cut: so that there are some 512 blocks (two on each of 132 multiprocessors, twice), of
/// no less than 512 rows, or adding the slices up would cost more than they.
struct DepthSlices {
  int64_t in, out;
  int depth, count;  // rows in a slice, slices

  DepthSlices(int64_t inputs, int64_t outputs, int rows) : in(inputs), out(outputs) {
    const int64_t tiles = product_row_tiles(in) * ((out + kProductColumns - 1) / kProductColumns);
    const int64_t wanted = std::min<int64_t>((rows + 511) / 512, std::max<int64_t>(1, 512 / tiles));
    depth = static_cast<int>((rows + 64 * wanted - 1) / (64 * wanted) * 64);
    count = (rows - 1) / depth + 1;
  }
  /// Of scratch memory for the slices, a multiple of 4.
  int64_t floats() const { return count == 1 ? 0 : (count * in * out + 3) / 4 * 4; }
  /// Where the product writes.
  float* target(Tensor& dw, float* parts) const { return count == 1 ? dw.data<float>() : parts; }
  void merge(const float* parts, Tensor& dw, cudaStream_t stream) const {
    if (count > 1) merge_sums(stream, parts, 1, count, in * out, {{dw.data<float>()}, {nullptr}, 1});
  }
};

}  // namespace mcnn::cuda
