// Epilogues of matrix products (product.cuh): they write a block's results row by row, N neighbouring columns per thread, so that maps
// are read and written in 128-bit accesses. Sums over the block's rows have a fixed order; each block writes them as parts, which the
// last block merges (moments.cuh, input_gradient.cuh).
//   OutputWriter     writes y, and takes its moments
//   GradientWriter   writes the input gradient of x, and takes its sums
//   WeightWriter     writes dw, summed over a slice of the rows
// Next: operands.cuh has what products read.
#pragma once
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/norm_targets.cuh"
#include "kernels/cuda/product.cuh"

namespace mcnn::cuda {

/// How a result tile is distributed over threads: neighbouring threads have neighbouring columns.
template <int N>
struct ResultThreads {
  static constexpr int kGroups = kProductColumns / N, kLanes = kProductThreads / kGroups, kRows = kProductRows / kLanes;
  __device__ static int column() { return static_cast<int>(threadIdx.x) % kGroups * N; }
  __device__ static int lane() { return static_cast<int>(threadIdx.x) / kGroups; }  // rows lane() + i*kLanes
};

inline constexpr int kColumnSumParts = kProductThreads / 32;
/// The address at which add_columns stores sum k of a column.
template <int N, class Float>
__device__ Float* column_sum(Float* shared, int k, int column) {
  constexpr int kGroups = ResultThreads<N>::kGroups, kParts = kProductThreads / (kGroups < 32 ? 32 : kGroups);
  return shared + k * kParts * kProductColumns + column;
}
/// Adds K sums of N columns over the threads of a block that have the same columns. Each thread gets the sums of its columns; those of
/// all columns are at column_sum() until the next call. `shared` has K * kColumnSumParts * kProductColumns floats.
template <int N, int K>
__device__ void add_columns(Floats<N> (&sums)[K], float* shared) {
  constexpr int kGroups = ResultThreads<N>::kGroups, kAcross = kGroups < 32 ? 32 : kGroups, kParts = kProductThreads / kAcross;
  // Threads of one warp that have the same columns.
#pragma unroll
  for (int offset = kGroups; offset < 32; offset *= 2)
#pragma unroll
    for (int k = 0; k < K; ++k)
#pragma unroll
      for (int i = 0; i < N; ++i) sums[k][i] += __shfl_xor_sync(0xffffffffu, sums[k][i], offset);

  const int self = static_cast<int>(threadIdx.x), column = ResultThreads<N>::column();
  __syncthreads();  // all threads have read the sums of the last call
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
struct OutputWriter {
  static constexpr int kSharedFloats = kColumnSumParts * kProductColumns;

  T* y;               // (rows, columns)
  MomentParts parts;  // one per tile of rows
  MomentTargets moments;
  int rows, columns;

  /// Computes the mean first, then the squared deviations from it. The values stay in registers in between.
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
    if (!moments.mean) return;
    add_columns(sums, shared);
    const auto count = static_cast<float>(last);
    const int own = static_cast<int>(threadIdx.x);  // the first threads write one column each
    RunningMoments own_moments{count};
    if (own < kProductColumns) own_moments.mean = load<float, 1>(shared + own)[0] / count;
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
    if (own < kProductColumns) own_moments.m2 = load<float, 1>(shared + own)[0];
    parts.write_and_merge(n / kProductColumns, kProductColumns, tile, own_moments,
                          [&](int c, const RunningMoments& all) { moments.write(c, all); });
  }
};

/// Sums are per sample or over all rows. A tile of rows is processed in segments of one group; each is a part of the group's sums.
template <class T, int N>
struct GradientWriter {
  static constexpr int kSharedFloats = kMostInputSums * kColumnSumParts * kProductColumns;

  FeatureView<T> x;
  InputGradientView<T> dx;
  int rows, columns, group_rows;  // group_rows: of one sample if x has a gate, else all

  __device__ void operator()(const ResultTile& result, int m, int n, int tile, int /*slice*/, float* shared) const {
    using Threads = ResultThreads<N>;
    const int column = Threads::column(), c = n + column, last = min(kProductRows, rows - m);
    const bool inside = c < columns;
    const SlopeReader<N> slopes(x, min(c, columns - N));
    for (int begin = 0; begin < last;) {
      const int group = (m + begin) / group_rows, end = min(last, (group + 1) * group_rows - m);
      Floats<N> sums[kMostInputSums] = {};
      for (int row = begin + Threads::lane(); inside && row < end; row += Threads::kLanes)
        write(load<float, N>(result.at(row, column)), static_cast<int64_t>(m + row) * columns + c, slopes, sums);
      if (dx.parts.data) {
        add_columns(sums, shared);
        // Parts are ordered by group, then by tile: a tile that two groups share has one part in each.
        const int first_tile = group * group_rows / kProductRows, last_tile = ((group + 1) * group_rows - 1) / kProductRows;
        const int own = static_cast<int>(threadIdx.x);  // the first threads write one column each
        for (int k = 0; k < dx.parts.rows && own < kProductColumns && n + own < columns; ++k)
          store<float, 1>(dx.parts.at(tile + group, k, n + own), load<float, 1>(column_sum<N>(shared, k, own)));
        dx.merge(group, first_tile + group, tile - first_tile, last_tile - first_tile + 1, n / kProductColumns, kProductColumns);
      }
      begin = end;
    }
  }

 private:
  __device__ void write(Floats<N> dz, int64_t at, const SlopeReader<N>& slopes, Floats<N> (&sums)[kMostInputSums]) const {
    const Floats<N> raw = load<T, N>(x.raw + at);
    if (dx.add) {
      const Floats<N> add = load<T, N>(dx.add + at);
#pragma unroll
      for (int j = 0; j < N; ++j) dz[j] += add[j];
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const GradientTerms terms = slopes.template terms<T>(dz[j], raw[j], j);
      dz[j] = terms.stored;
#pragma unroll
      for (int k = 0; k < kMostInputSums; ++k) sums[k][j] += terms.sums[k];
    }
    store<T, N>(dx.stored + at, dz);
  }
};

template <int N>
struct WeightWriter {
  static constexpr int kSharedFloats = 4;  // not used; an array must have a length

  float* dw;       // (rows, columns)
  SumParts parts;  // one per slice
  int slices;

  __device__ void operator()(const ResultTile& result, int m, int n, int tile, int slice, float* /*shared*/) const {
    using Threads = ResultThreads<N>;
    const int column = Threads::column(), last = min(kProductRows, parts.rows - m);
    float* const out = slices == 1 ? dw : parts.at(slice, 0, 0);
    for (int row = Threads::lane(); n + column < parts.columns && row < last; row += Threads::kLanes)
      store<float, N>(out + static_cast<int64_t>(m + row) * parts.columns + n + column, load<float, N>(result.at(row, column)));
    if (slices == 1) return;
    const auto column_tiles = static_cast<int>(product_column_tiles(parts.columns));
    parts.merge(tile * column_tiles + n / kProductColumns, 0, slice, slices, {m, kProductRows, n, kProductColumns},
                [&](int row, int c, float sum) { store<float, 1>(dw + static_cast<int64_t>(row) * parts.columns + c, {sum}); });
  }
};

/// How the sums of a data gradient computed by a product are cut: one part per tile of rows, one per sample in a tile if x has a gate.
inline InputSumCut cut_product_sums(const Feature& x, const InputGradient& dx) {
  const int64_t tiles = product_row_tiles(x.raw.rows()), pixels = x.raw.h() * x.raw.w();
  const bool gated = x.gate.defined();
  return cut_input_sums(x, dx, gated ? tiles + x.raw.n() - 1 : tiles, gated ? (pixels + kProductRows - 2) / kProductRows + 1 : tiles,
                        product_column_tiles(x.raw.c()));
}
template <class T, int N>
GradientWriter<T, N> product_input_epilogue(const Feature& x, InputGradient& dx, const InputSumCut& cut, float* parts, unsigned* arrivals) {
  const int64_t rows = x.raw.rows();
  return {FeatureView<T>::of(x), InputGradientView<T>::of(x, dx, cut, parts, arrivals), static_cast<int>(rows), static_cast<int>(x.raw.c()),
          static_cast<int>(x.gate.defined() ? x.raw.h() * x.raw.w() : rows)};
}

/// How dw (in, out), a sum over rows, is cut into slices: about 512 blocks (two on each of 132 multiprocessors, twice) of at least
/// 512 rows. With shorter slices, adding them would cost more than computing them.
struct DepthSlices {
  int64_t in, out, tiles;
  int depth, count;  // rows in a slice, slices

  DepthSlices(int64_t inputs, int64_t outputs, int rows)
      : in(inputs), out(outputs), tiles(product_row_tiles(in) * product_column_tiles(out)) {
    const int64_t most = std::min<int64_t>((rows + 511) / 512, std::max<int64_t>(1, 512 / tiles));
    depth = static_cast<int>((rows + 64 * most - 1) / (64 * most) * 64);
    count = (rows - 1) / depth + 1;
  }
  int64_t floats() const { return count == 1 ? 0 : count * in * out; }
  int64_t arrivals() const { return count == 1 ? 0 : tiles * MergeTree(count).arrivals; }
  template <int N>
  WeightWriter<N> epilogue(Tensor& dw, float* parts, unsigned* counters) const {
    return {dw.data<float>(), {parts, counters, static_cast<int>(in), static_cast<int>(out), MergeTree(count)}, count};
  }
};

}  // namespace mcnn::cuda
