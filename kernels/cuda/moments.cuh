// Moments and sums over a feature map. Each block computes those of its values and writes them to scratch memory as one part; the last
// block merges the parts in their order (last_block.cuh). Never E[x^2] - E[x]^2.
//   Chan, Golub, LeVeque 1983:  d = mean_b - mean_a;  mean = mean_a + d*n_b/n;  m2 = m2_a + m2_b + d^2*n_a*n_b/n
// Next: norm_targets.cuh turns moments into a batch norm; input_gradient.cuh has the sums of a data gradient.
#pragma once
#include "kernels/cuda/last_block.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

/// Mean and sum of squared deviations of the `count` values seen so far.
struct RunningMoments {
  float count = 0.f, mean = 0.f, m2 = 0.f;

  /// Two empty sets merge to an empty one. Without a branch, the compiler issues the loads of a loop of merges together.
  __device__ void merge(const RunningMoments& other) {
    const float share = other.count > 0.f ? other.count / (count + other.count) : 0.f, off = other.mean - mean;
    mean += off * share;
    m2 += other.m2 + off * off * (count * share);
    count += other.count;
  }
};

/// Merges the moments of a block's threads over y, pairs first, into y = 0. Threads of equal x have the same channel.
/// All threads call it. `shared` has 3 floats per thread; it may be reused when the function returns.
__device__ inline void merge_block(RunningMoments& moments, float* shared) {
  const int threads = blockDim.x * blockDim.y, self = threadIdx.y * blockDim.x + threadIdx.x;
  for (int half = 1; half < static_cast<int>(blockDim.y); half *= 2) {
    // Plane by plane, so that neighbouring threads use neighbouring banks.
    store<float, 1>(shared + self, {moments.count});
    store<float, 1>(shared + threads + self, {moments.mean});
    store<float, 1>(shared + 2 * threads + self, {moments.m2});
    __syncthreads();
    if (threadIdx.y % (2 * half) == 0 && threadIdx.y + half < blockDim.y) {
      const float* other = shared + self + half * blockDim.x;
      moments.merge({load<float, 1>(other)[0], load<float, 1>(other + threads)[0], load<float, 1>(other + 2 * threads)[0]});
    }
    __syncthreads();
  }
}

/// Adds K sums over y in the same way. `shared` has K floats per thread.
template <int K>
__device__ void add_block(Floats<K>& sums, float* shared) {
  const int threads = blockDim.x * blockDim.y, self = threadIdx.y * blockDim.x + threadIdx.x;
  for (int half = 1; half < static_cast<int>(blockDim.y); half *= 2) {
#pragma unroll
    for (int i = 0; i < K; ++i) store<float, 1>(shared + i * threads + self, {sums[i]});
    __syncthreads();
    if (threadIdx.y % (2 * half) == 0 && threadIdx.y + half < blockDim.y) {
#pragma unroll
      for (int i = 0; i < K; ++i) sums[i] += load<float, 1>(shared + i * threads + self + half * blockDim.x)[0];
    }
    __syncthreads();
  }
}

/// Parts of moments in scratch memory. A block processes a tile of channels and a part of the rows.
struct MomentParts {
  float* count;        // (tiles, parts)
  float *mean, *m2;    // (parts, C)
  unsigned* arrivals;  // (tiles, tree.arrivals)
  int parts, channels;
  MergeTree tree;

  static int64_t floats(int64_t parts, int64_t channels, int64_t tiles) { return parts * (tiles + 2 * channels); }
  static int64_t arrival_count(int64_t parts, int64_t tiles) { return tiles * MergeTree(parts).arrivals; }
  MomentParts(float* memory, unsigned* counters, int64_t part_count, int64_t channel_count, int64_t tiles)
      : count(memory),
        mean(memory + tiles * part_count),
        m2(mean + part_count * channel_count),
        arrivals(counters),
        parts(static_cast<int>(part_count)),
        channels(static_cast<int>(channel_count)),
        tree(part_count) {}

  /// Writes part `part` of a tile of `width` channels; the last block of the tile calls finish(c, moments) with the merged moments.
  /// All threads call it: thread i (x, then y) has the moments of the tile's channel i. A block has at least `width` threads.
  template <class Finish>
  __device__ void write_and_merge(int tile, int width, int part, const RunningMoments& own, const Finish& finish) const {
    const int thread = threadIdx.y * blockDim.x + threadIdx.x, c = tile * width + thread;
    const bool mine = thread < width && c < channels;
    const auto write = [&](int to, const RunningMoments& moments) {
      const int64_t at = static_cast<int64_t>(to) * channels + c;
      if (thread == 0) store<float, 1>(count + tile * parts + to, {moments.count});
      store<float, 1>(mean + at, {moments.mean});
      store<float, 1>(m2 + at, {moments.m2});
    };
    if (mine) write(part, own);
    merge_if_last(arrivals + tile * tree.arrivals, tree, part, parts, [&](int first, int number, int step, bool whole) {
      RunningMoments total;
#pragma unroll 8  // a load takes hundreds of cycles
      for (int i = 0, end = mine ? number : 0; i < end; ++i) {
        const int from = first + i * step;
        const int64_t at = static_cast<int64_t>(from) * channels + c;
        total.merge({load<float, 1>(count + tile * parts + from)[0], load<float, 1>(mean + at)[0], load<float, 1>(m2 + at)[0]});
      }
      __syncthreads();  // all threads have read the count that is overwritten next
      if (!mine) return;
      if (whole)
        finish(c, total);
      else
        write(first, total);
    });
  }
};

/// Parts of sums in scratch memory.
struct SumParts {
  float* data;         // (parts of all results, rows, columns); null: no sums are requested
  unsigned* arrivals;  // (results, tree.arrivals)
  int rows, columns;
  MergeTree tree;

  __device__ float* at(int part, int row, int column) const { return data + (static_cast<int64_t>(part) * rows + row) * columns + column; }

  /// The rows and columns of a result that one block writes. They may extend past the result's end.
  struct Tile {
    int row, rows, column, columns;
  };
  /// Called by all threads of a block that has written its tile of part first + part. The result has `parts` parts from first on.
  /// The last block calls finish(row, column, sum) for each element of the tile.
  template <class Finish>
  __device__ void merge(int result, int first, int part, int parts, const Tile& tile, const Finish& finish) const {
    merge_if_last(arrivals + static_cast<int64_t>(result) * tree.arrivals, tree, part, parts,
                  [&](int begin, int count, int step, bool whole) {
                    add_up(first + begin, count, step, tile, [&](float* in_place, int row, int column, float sum) {
                      if (whole)
                        finish(row, column, sum);
                      else
                        store<float, 1>(in_place, {sum});
                    });
                  });
  }

 private:
  /// Adds parts from, from + step, ...: `count` of them. A thread adds several elements at once, so that their loads overlap.
  template <class Write>
  __device__ void add_up(int from, int count, int step, const Tile& tile, const Write& write) const {
    constexpr int kTogether = 4;
    const int threads = blockDim.x * blockDim.y, thread = threadIdx.y * blockDim.x + threadIdx.x;
    const int wide = min(tile.columns, columns - tile.column), elements = min(tile.rows, rows - tile.row) * wide;
    const int64_t apart = static_cast<int64_t>(step) * rows * columns;
    for (int first = thread; first < elements; first += kTogether * threads) {
      float* part[kTogether];
      float total[kTogether] = {};
#pragma unroll
      for (int k = 0; k < kTogether; ++k) {
        const int i = first + k * threads < elements ? first + k * threads : first;
        part[k] = at(from, tile.row + i / wide, tile.column + i % wide);
      }
#pragma unroll 4
      for (int p = 0; p < count; ++p) {
#pragma unroll
        for (int k = 0; k < kTogether; ++k) total[k] += load<float, 1>(part[k] + p * apart)[0];
      }
#pragma unroll
      for (int k = 0; k < kTogether; ++k) {
        const int i = first + k * threads;
        if (i < elements) write(part[k], tile.row + i / wide, tile.column + i % wide, total[k]);
      }
    }
  }
};

/// Where sums are written: out[row][at] = sum; the last row is multiplied by factor[c].
struct SumTargets {
  static constexpr int kMost = 3;
  float* out[kMost];    // null: not requested
  const float* factor;  // (C); null: 1
  int rows;

  __device__ void write(int row, int64_t at, int c, float sum) const {
    // A comparison: an index that is not constant would copy the kernel's parameter to local memory.
    float* to = out[0];
#pragma unroll
    for (int i = 1; i < kMost; ++i) to = i == row ? out[i] : to;
    if (!to) return;
    store<float, 1>(to + at, {row == rows - 1 && factor ? sum * load<float, 1>(factor + c)[0] : sum});
  }
};

}  // namespace mcnn::cuda
