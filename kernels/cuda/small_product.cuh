// Small matrix products: squeeze-excite's two layers and the classifier, forward and backward.
//   out(i,j) = sum_k a(i,k) * b(k,j)         rows by columns, depth k; all fp32
// A block of 256 threads computes a tile of 32 x 32 of out, a thread 2 x 2 of that. It reads its operands 32 deep through functions of
// (i,k) and (j,k), which may compute the elements (an activation's gradient, a sum of parts, the 1 whose weight is a bias). The next
// tiles are loaded while a block multiplies.
// Each run of 32 products is summed separately first, so that the rounding error hardly grows with depth.
// These products are a thousandth of a step's work; their time is latency of memory and launches. A deep product with few tiles is cut
// along its depth into parts, which its reader adds.
// Next: squeeze_excite.cu, linear.cu.
#pragma once
#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

inline constexpr int kProductTile = 32;  // rows and columns of a block's tile, and the depth of a run
inline constexpr unsigned kSmallProductThreads = 256;

struct SmallProduct {
  int rows, columns, depth;

  int tiles() const { return (rows + kProductTile - 1) / kProductTile * ((columns + kProductTile - 1) / kProductTile); }
  __host__ __device__ int column_tiles() const { return (columns + kProductTile - 1) / kProductTile; }
};

/// The number of parts of the depth, and the depth of each: enough blocks for a device, no part below 128. Depends on the shape
/// alone.
struct DepthParts {
  int count, depth;

  explicit DepthParts(const SmallProduct& p) {
    const int most = std::clamp(256 / std::max(1, p.tiles()), 1, std::max(1, p.depth / 128));
    depth = ((p.depth + most - 1) / most + kProductTile - 1) / kProductTile * kProductTile;
    count = (p.depth + depth - 1) / depth;
  }
};

/// Tiles of a and b, (depth, other axis). A row is padded, so that writes in both orders have no bank conflicts.
struct ProductShared {
  float a[kProductTile][kProductTile + 1], b[kProductTile][kProductTile + 1];
};

/// A thread's four values of an operand's tile, between global and shared memory. The lanes of a warp read along the axis that is
/// consecutive in memory: k if kKMajor, else the other.
template <bool kKMajor>
struct TileRead {
  static constexpr int kValues = kProductTile * kProductTile / static_cast<int>(kSmallProductThreads);
  float values[kValues];

  template <class Operand>
  __device__ void fetch(const Operand& operand, int other0, int others, int k0, int depth_end) {
    const int lane = static_cast<int>(threadIdx.x) % kProductTile, line = static_cast<int>(threadIdx.x) / kProductTile;
#pragma unroll
    for (int i = 0; i < kValues; ++i) {
      const int across = line + i * (kProductTile / kValues);
      const int k = k0 + (kKMajor ? lane : across), other = other0 + (kKMajor ? across : lane);
      values[i] = k < depth_end && other < others ? operand(other, k) : 0.f;
    }
  }
  __device__ void put(float (&tile)[kProductTile][kProductTile + 1]) const {
    const int lane = static_cast<int>(threadIdx.x) % kProductTile, line = static_cast<int>(threadIdx.x) / kProductTile;
#pragma unroll
    for (int i = 0; i < kValues; ++i) {
      const int across = line + i * (kProductTile / kValues);
      store<float, 1>(kKMajor ? &tile[lane][across] : &tile[across][lane], {values[i]});
    }
  }
};

/// The calling block computes tile number `tile` of p over k in [k0, depth_end) and calls out(i, j, value) for each element.
/// A has a(i,k) and A::kKMajor, B has b(j,k) and B::kKMajor.
template <class A, class B, class Out>
__device__ void multiply_tile(const SmallProduct& p, int tile, int k0, int depth_end, const A& a, const B& b, ProductShared& shared,
                              const Out& out) {
  constexpr int kHalf = kProductTile / 2;
  const int i0 = tile / p.column_tiles() * kProductTile, j0 = tile % p.column_tiles() * kProductTile;
  const int column = static_cast<int>(threadIdx.x) % kHalf, row = static_cast<int>(threadIdx.x) / kHalf;
  float total[2][2] = {};
  TileRead<A::kKMajor> next_a;
  TileRead<B::kKMajor> next_b;
  next_a.fetch(a, i0, p.rows, k0, depth_end);
  next_b.fetch(b, j0, p.columns, k0, depth_end);
  for (int k = k0; k < depth_end; k += kProductTile) {
    next_a.put(shared.a);
    next_b.put(shared.b);
    __syncthreads();
    if (k + kProductTile < depth_end) {
      next_a.fetch(a, i0, p.rows, k + kProductTile, depth_end);
      next_b.fetch(b, j0, p.columns, k + kProductTile, depth_end);
    }
    float run[2][2] = {};
#pragma unroll
    for (int d = 0; d < kProductTile; ++d) {
      const float a0 = load<float, 1>(&shared.a[d][row])[0], a1 = load<float, 1>(&shared.a[d][row + kHalf])[0];
      const float b0 = load<float, 1>(&shared.b[d][column])[0], b1 = load<float, 1>(&shared.b[d][column + kHalf])[0];
      run[0][0] = fmaf(a0, b0, run[0][0]);
      run[0][1] = fmaf(a0, b1, run[0][1]);
      run[1][0] = fmaf(a1, b0, run[1][0]);
      run[1][1] = fmaf(a1, b1, run[1][1]);
    }
    __syncthreads();  // the tiles have been read
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int j = 0; j < 2; ++j) total[i][j] += run[i][j];
    }
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int at_row = i0 + row + i * kHalf, at_column = j0 + column + j * kHalf;
      if (at_row < p.rows && at_column < p.columns) out(at_row, at_column, total[i][j]);
    }
  }
}

/// A product cut along its depth. blockIdx.x: tile, blockIdx.y: part.  out (parts, rows, columns).
template <class A, class B>
__global__ void multiply_parts(SmallProduct p, DepthParts parts, A a, B b, float* out) {
  auto& shared = static_shared<ProductShared>();
  const int k0 = static_cast<int>(blockIdx.y) * parts.depth;
  float* part = out + static_cast<int64_t>(blockIdx.y) * p.rows * p.columns;
  multiply_tile(p, static_cast<int>(blockIdx.x), k0, min(k0 + parts.depth, p.depth), a, b, shared,
                [&](int i, int j, float value) { store<float, 1>(part + static_cast<int64_t>(i) * p.columns + j, {value}); });
}
inline Grid grid_of(const SmallProduct& p, const DepthParts& parts) {
  return {{static_cast<unsigned>(p.tiles()), static_cast<unsigned>(parts.count)}, kSmallProductThreads};
}

/// A matrix stored as (others, depth). As b it is transposed: b(k,j) = data[j*row + k].
struct KMajor {
  static constexpr bool kKMajor = true;
  const float* data;
  int row;
  __device__ float operator()(int other, int k) const { return load<float, 1>(data + static_cast<int64_t>(other) * row + k)[0]; }
};
/// A matrix stored as (depth, others). As a it is transposed.
struct MnMajor {
  static constexpr bool kKMajor = false;
  const float* data;
  int row;
  __device__ float operator()(int other, int k) const { return load<float, 1>(data + static_cast<int64_t>(k) * row + other)[0]; }
};

/// The gradients of a weight and its bias are one product x^T dy if x has one more column, of ones: row `inputs` of the result is db.
template <class X>
struct WithOnes {
  static constexpr bool kKMajor = X::kKMajor;
  X x;
  int inputs;
  __device__ float operator()(int i, int k) const { return i < inputs ? x(i, k) : 1.f; }
};
struct WeightAndBias {
  float *dw, *db;  // (inputs, outputs), (outputs); null: not requested
  int inputs, outputs;
  __device__ void operator()(int i, int j, float value) const {
    if (i == inputs) {
      if (db) store<float, 1>(db + j, {value});
    } else if (dw) {
      store<float, 1>(dw + static_cast<int64_t>(i) * outputs + j, {value});
    }
  }
};

}  // namespace mcnn::cuda
