// The matrix product of the pointwise and the dense convolutions, forward and backward:   C = A B, summed over a depth.
// Operands are transformed on read (operands.cuh); an epilogue (epilogues.cuh) writes the results. A block computes a tile of 64 x 128
// elements of C. The block's sums are computed by one rung of a ladder (product_rung.h):
//   naive         a thread reads its row and its column from global memory
//   tiled         tiles of both operands are transformed into shared memory; all threads of the block read them
//   vectorised    the same by 128-bit accesses; a thread has 8 x 4 sums, so it uses each loaded element 8 or 4 times
//   tensor_core   the same tiles, multiplied by mma.sync
//   pipelined     the next tiles are loaded while the current ones are multiplied: operands with a transform into registers, plain
//                 weights by cp.async into the other half of shared memory       <- used
// A block is wider in n because A's transform is the costly one, with exponentials: it is computed once for 128 columns.
// Next: operand_tile.cuh has the layout in shared memory; pointwise_forward.cu is the simplest product.
#pragma once
#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/operand_tile.cuh"
#include "kernels/cuda/product_rung.h"
#include "kernels/cuda/shared_memory.cuh"
#include "runtime/error.h"

namespace mcnn::cuda {

inline constexpr int kProductRows = 64, kProductColumns = 128;
inline constexpr int kProductThreads = 256;

/// A kernel's argument. The rows and columns of a source are those in memory: (m or n, k) for Order::k_major, (k, m or n) for
/// Order::mn_major.
template <class LeftSource, Order kLeft, class RightSource, Order kRight, class Epilogue_>
struct Product {
  using Epilogue = Epilogue_;
  using T = typename LeftSource::Element;
  static constexpr Order kLeftOrder = kLeft, kRightOrder = kRight;
  static constexpr int kLeftWidth = LeftSource::kWidth;
  using LeftTile = OperandTile<T, kLeft, kProductRows>;
  using RightTile = OperandTile<T, kRight, kProductColumns>;

  LeftSource left;
  RightSource right;
  Epilogue epilogue;
  int rows, columns, depth;  // C is (rows, columns)
  int slice;                 // depth of a block's sums
  bool tf32;                 // tensor cores may multiply fp32 as tf32

  __host__ __device__ int column_tiles() const { return (columns + kProductColumns - 1) / kProductColumns; }
  __host__ __device__ int tiles() const { return (rows + kProductRows - 1) / kProductRows * column_tiles(); }
  int blocks() const { return tiles() * ((depth + slice - 1) / slice); }
};

/// A block's results in shared memory. The epilogue reads them row by row.
struct ResultTile {
  static constexpr int kPitch = kProductColumns + 8;  // the 4 rows that half a warp writes are in different banks
  float* data;
  __device__ float* at(int row, int column) const { return data + row * kPitch + column; }
};

/// The results reuse the memory of the operands' tiles.
template <class P>
struct ProductMemory {
  union {
    struct {
      typename P::T left[2][P::LeftTile::kRows * P::LeftTile::kColumns], right[2][P::RightTile::kRows * P::RightTile::kColumns];
    };
    float result[kProductRows * ResultTile::kPitch];
  };
  float column_sums[P::Epilogue::kSharedFloats];
};

/// Loads an operand into shared memory, tile by tile: fetch starts the loads, commit stores the values. Elements outside the operand
/// are 0. A thread always loads the same columns, so it needs the coefficients of few channels.
template <class Source, Order kOrder, int kOuter>
class Stage {
  using T = typename Source::Element;
  using Tile = OperandTile<T, kOrder, kOuter>;
  static constexpr int N = Source::kWidth;
  static constexpr int kVectors = Tile::kColumns / N, kRowStep = kProductThreads / kVectors, kItems = Tile::kRows / kRowStep;
  static_assert(kItems * kRowStep == Tile::kRows);

 public:
  /// outer: the block's first m or n; depth_end: where its slice ends.
  __device__ Stage(const Source& source, int outer, int depth_end)
      : source_(source),
        outer_(outer),
        row_end_(Tile::kKMajor ? source.rows : depth_end),
        row_(static_cast<int>(threadIdx.x) / kVectors),
        column_(static_cast<int>(threadIdx.x) % kVectors * N) {}

  /// Starts the loads of the tile at k.
  __device__ void fetch(const Tile& tile, int k) { start<kItems>(tile, k, 0, loaded_); }
  /// Transforms and stores the tile that fetch loaded.
  __device__ void commit(const Tile& tile, int k) { finish<kItems>(tile, k, 0, loaded_); }
  /// Both, for rungs that do not overlap loads with products.
  __device__ void fetch_and_commit(const Tile& tile, int k) {
    constexpr int kTogether = kItems < 2 ? kItems : 2;
#pragma unroll 1
    for (int item = 0; item < kItems; item += kTogether) {
      Loaded loaded[kTogether];
      start<kTogether>(tile, k, item, loaded);
      finish<kTogether>(tile, k, item, loaded);
    }
  }

 private:
  using Loaded = typename Source::Loaded;
  __device__ int column(int k) const { return column_ + (Tile::kKMajor ? k : outer_); }
  __device__ int row(int k, int item) const { return row_ + item * kRowStep + (Tile::kKMajor ? outer_ : k); }
  __device__ bool inside(int k, int item) const { return row(k, item) < row_end_ && column(k) < source_.columns; }
  __device__ T* place(const Tile& tile, int item) const { return tile.at(row_ + item * kRowStep, column_); }

  template <int kCount>
  __device__ void start(const Tile& tile, int k, int first, Loaded* loaded) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const bool exists = inside(k, first + i);
      if constexpr (Source::kTransformed) {
        if (exists) loaded[i] = source_.fetch(row(k, first + i), column(k));
      } else {
        copy_async(place(tile, first + i), source_.address(exists ? row(k, first + i) : 0, exists ? column(k) : 0), exists);
      }
    }
  }
  template <int kCount>
  __device__ void finish(const Tile& tile, int k, int first, const Loaded* loaded) {
    if constexpr (Source::kTransformed) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        Floats<N> values{};
        if (inside(k, first + i)) values = source_.value(loaded[i], row(k, first + i), column(k));
        store<T, N>(place(tile, first + i), values);
      }
    }
  }

  const Source& source_;
  int outer_, row_end_, row_, column_;
  Loaded loaded_[Source::kTransformed ? kItems : 1];
};

/// tiled: a thread has one column and every second row. Neighbouring threads read neighbouring columns and the same row. Columns 64
/// bytes apart (weights in dy w^T) have four-way bank conflicts, which vectorised avoids.
template <class P>
struct ElementSums {
  static constexpr int kSums = kProductRows * kProductColumns / kProductThreads, kRowStep = kProductThreads / kProductColumns;
  float sums[kSums] = {};

  __device__ static int column() { return static_cast<int>(threadIdx.x) % kProductColumns; }
  __device__ static int row(int i) { return static_cast<int>(threadIdx.x) / kProductColumns + i * kRowStep; }
  __device__ void add(const P& /*p*/, int /*n*/, const typename P::LeftTile& a, const typename P::RightTile& b) {
    using T = typename P::T;
    for (int k = 0; k < P::LeftTile::kDepth; ++k) {
      const float right = load<T, 1>(b.at_outer(column(), k))[0];
#pragma unroll
      for (int i = 0; i < kSums; ++i) sums[i] += load<T, 1>(a.at_outer(row(i), k))[0] * right;
    }
  }
  __device__ void write(const ResultTile& result) const {
#pragma unroll
    for (int i = 0; i < kSums; ++i) store<float, 1>(result.at(row(i), column()), {{sums[i]}});
  }
};

/// vectorised: a warp has 8 rows, a lane 4 columns. A load reads four elements along the axis that is consecutive in memory.
template <class P>
struct VectorSums {
  static constexpr int kRows = 8, kColumns = 4, kVector = 4;
  float sums[kRows][kColumns] = {};

  __device__ static int row(int i) {
    const int warp = static_cast<int>(threadIdx.x) / 32;
    return P::LeftTile::kKMajor ? warp * kRows + i : i / kVector * 32 + warp * kVector + i % kVector;
  }
  __device__ static int column(int j) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return P::RightTile::kKMajor ? lane + 32 * j : lane * kColumns + j;
  }
  __device__ void add(const P& /*p*/, int /*n*/, const typename P::LeftTile& a, const typename P::RightTile& b) {
    for (int k = 0; k < P::LeftTile::kDepth; k += kVector) {
      float left[kRows][kVector], right[kColumns][kVector];
      read<kRows>(a, k, left, [](int i) { return row(i); });
      read<kColumns>(b, k, right, [](int j) { return column(j); });
#pragma unroll
      for (int e = 0; e < kVector; ++e)
#pragma unroll
        for (int i = 0; i < kRows; ++i)
#pragma unroll
          for (int j = 0; j < kColumns; ++j) sums[i][j] += left[i][e] * right[j][e];
    }
  }
  __device__ void write(const ResultTile& result) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if constexpr (!P::RightTile::kKMajor) {
        store<float, kColumns>(result.at(row(i), column(0)), {{sums[i][0], sums[i][1], sums[i][2], sums[i][3]}});
      } else {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) store<float, 1>(result.at(row(i), column(j)), {{sums[i][j]}});
      }
    }
  }

 private:
  template <int kCount, class Tile, class Place>
  __device__ static void read(const Tile& tile, int k, float (&values)[kCount][kVector], Place place) {
    using T = typename P::T;
    if constexpr (Tile::kKMajor) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        const Floats<kVector> along = load<T, kVector>(tile.at(place(i), k));
#pragma unroll
        for (int e = 0; e < kVector; ++e) values[i][e] = along[e];
      }
    } else {
#pragma unroll
      for (int e = 0; e < kVector; ++e)
#pragma unroll
        for (int i = 0; i < kCount; i += kVector) {
          const Floats<kVector> across = load<T, kVector>(tile.at(k + e, place(i)));
#pragma unroll
          for (int j = 0; j < kVector; ++j) values[i + j][e] = across[j];
        }
    }
  }
};

/// tensor_core: 2 x 4 warps of 32 x 32 sums each.
template <class P>
struct TensorCoreSums {
  static constexpr int kWarp = 32;
  float sums[kWarp / 16][kWarp / 8][4] = {};

  __device__ static int row() { return static_cast<int>(threadIdx.x) / 128 * kWarp; }
  __device__ static int column() { return static_cast<int>(threadIdx.x) / 32 % 4 * kWarp; }
  /// n: the block's first column. A warp whose columns are past the last one does nothing.
  __device__ void add(const P& p, int n, const typename P::LeftTile& a, const typename P::RightTile& b) {
    if (n + column() >= p.columns) return;
    if (sizeof(typename P::T) == 4 && p.tf32)
      add_products<true>(a, b);
    else
      add_products<false>(a, b);
  }
  /// Of 16 x 8 sums, a lane has two neighbours in row lane/4 and two in row lane/4 + 8.
  __device__ void write(const ResultTile& result) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int side = 0; side < 2; ++side)
          store<float, 2>(result.at(row() + 16 * i + 8 * side + lane / 4, column() + 8 * j + lane % 4 * 2),
                          {{sums[i][j][2 * side], sums[i][j][2 * side + 1]}});
  }

 private:
  /// A template of kTf32, so that the low parts are not computed if they are not multiplied.
  template <bool kTf32>
  __device__ void add_products(const typename P::LeftTile& a, const typename P::RightTile& b) {
    using T = typename P::T;
#pragma unroll
    for (int k = 0; k < P::LeftTile::kDepth; k += kFragmentDepth<typename P::LeftTile>) {
      uint32_t left[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) load_left_fragment(a, row() + 16 * i, k, left[i]);
      const Fragment<T, 4> upper(left[0]), lower(left[1]);
#pragma unroll
      for (int j = 0; j < 4; j += 2) {
        uint32_t right[4];
        load_right_fragments(b, column() + 8 * j, k, right);
        const Fragment<T, 2> first(right, 0), second(right, 2);
        multiply_fragments<kTf32>(sums[0][j], upper, first);
        multiply_fragments<kTf32>(sums[0][j + 1], upper, second);
        multiply_fragments<kTf32>(sums[1][j], lower, first);
        multiply_fragments<kTf32>(sums[1][j + 1], lower, second);
      }
    }
  }
};

/// The block's sums over depths [begin, end), from tiles in shared memory.
template <class Sums, bool kPipelined, class P>
__device__ void form_sums(const P& p, int m, int n, int begin, int end, ProductMemory<P>& shared, const ResultTile& result) {
  constexpr int kDepth = P::LeftTile::kDepth;
  const auto left_tile = [&](int side) { return typename P::LeftTile{shared.left[side]}; };
  const auto right_tile = [&](int side) { return typename P::RightTile{shared.right[side]}; };
  Stage<decltype(p.left), P::kLeftOrder, kProductRows> left(p.left, m, end);
  Stage<decltype(p.right), P::kRightOrder, kProductColumns> right(p.right, n, end);
  const auto fetch = [&](int side, int k) {
    left.fetch(left_tile(side), k);
    right.fetch(right_tile(side), k);
  };
  Sums sums;
  if (kPipelined) fetch(0, begin);
  for (int k = begin, side = 0; k < end; k += kDepth, side ^= kPipelined ? 1 : 0) {
    if constexpr (kPipelined) {
      left.commit(left_tile(side), k);
      right.commit(right_tile(side), k);
    } else {
      left.fetch_and_commit(left_tile(0), k);
      right.fetch_and_commit(right_tile(0), k);
    }
    wait_for_copies();
    __syncthreads();  // the tiles are complete, and all threads have read the other half
    if (kPipelined && k + kDepth < end) fetch(side ^ 1, k + kDepth);
    sums.add(p, n, left_tile(side), right_tile(side));
    if (!kPipelined) __syncthreads();  // before the tiles are overwritten
  }
  __syncthreads();  // the results overwrite the tiles
  sums.write(result);
}

/// naive: one result after another.
template <class P>
__device__ void form_sums_naive(const P& p, int m, int n, int begin, int end, const ResultTile& result) {
  const auto element = [](const auto& source, int row, int column) {
    if (row >= source.rows || column >= source.columns) return 0.f;
    return source.value(source.fetch(row, column), row, column)[0];
  };
  for (int i = static_cast<int>(threadIdx.x); i < kProductRows * kProductColumns; i += kProductThreads) {
    const int row = i / kProductColumns, column = i % kProductColumns;
    float sum = 0.f;
    for (int k = begin; k < end; ++k)
      sum += (P::LeftTile::kKMajor ? element(p.left, m + row, k) : element(p.left, k, m + row)) *
             (P::RightTile::kKMajor ? element(p.right, n + column, k) : element(p.right, k, n + column));
    store<float, 1>(result.at(row, column), {{sum}});
  }
}

/// Two blocks share a multiprocessor: the transforms of one overlap the products of the other. A thread then has 128 registers. fp32 on
/// tensor cores (three products with sums of their own) and operands read one by one may need more.
template <ProductRung kRung, class P>
inline constexpr int kBlocksAtOnce = P::kLeftWidth == 1 || (kRung >= ProductRung::tensor_core && sizeof(typename P::T) == 4) ? 1 : 2;

/// Block number `block` of a product. Blocks are ordered by slice, then by rows: blocks that read the same rows run together.
template <ProductRung kRung, class P>
__device__ void multiply_block(const P& p, int block, ProductMemory<P>& shared) {
  const ResultTile result{shared.result};
  const int slice = block / p.tiles(), tile = block % p.tiles() / p.column_tiles();
  const int m = tile * kProductRows, n = block % p.tiles() % p.column_tiles() * kProductColumns;
  const int begin = slice * p.slice, end = min(p.depth, begin + p.slice);
  if constexpr (kRung == ProductRung::naive) {
    form_sums_naive(p, m, n, begin, end, result);
  } else {
    using Sums = std::conditional_t<kRung == ProductRung::tiled, ElementSums<P>,
                                    std::conditional_t<kRung == ProductRung::vectorised, VectorSums<P>, TensorCoreSums<P>>>;
    form_sums<Sums, kRung == ProductRung::pipelined>(p, m, n, begin, end, shared, result);
  }
  __syncthreads();
  p.epilogue(result, m, n, tile, slice, shared.column_sums);
}

template <ProductRung kRung, class P>
__global__ void __launch_bounds__(kProductThreads, kBlocksAtOnce<kRung, P>) multiply(const P p) {
  multiply_block<kRung>(p, static_cast<int>(blockIdx.x), static_shared<ProductMemory<P>>());
}

template <class A, class B>
union MemoryOfEither {
  ProductMemory<A> a;
  ProductMemory<B> b;
};

/// On sm_75 two products of fp16 need a register more than 128.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
inline constexpr int kMostBlocksOfBoth = 1;
#else
inline constexpr int kMostBlocksOfBoth = 2;
#endif

/// Two products in one launch: the first a_blocks blocks compute a, the others b.
template <ProductRung kRung, class A, class B>
__global__ void __launch_bounds__(kProductThreads, std::min({kMostBlocksOfBoth, kBlocksAtOnce<kRung, A>, kBlocksAtOnce<kRung, B>}))
    multiply_both(const A a, const int a_blocks, const B b) {
  auto& shared = static_shared<MemoryOfEither<A, B>>();
  const int block = static_cast<int>(blockIdx.x);
  if (block < a_blocks)
    multiply_block<kRung>(a, block, shared.a);
  else
    multiply_block<kRung>(b, block - a_blocks, shared.b);
}

__host__ __device__ inline int64_t product_row_tiles(int64_t rows) { return (rows + kProductRows - 1) / kProductRows; }
__host__ __device__ inline int64_t product_column_tiles(int64_t columns) { return (columns + kProductColumns - 1) / kProductColumns; }

template <ProductRung kRung, class P>
void launch_product(const P& p, cudaStream_t stream) {
  launch(multiply<kRung, P>, {static_cast<unsigned>(p.blocks()), kProductThreads}, stream, p);
}
/// One launch for the products that are requested: both, one or none.
template <ProductRung kRung, class A, class B>
void launch_products(const A& a, bool a_requested, const B& b, bool b_requested, cudaStream_t stream) {
  const int a_blocks = a_requested ? a.blocks() : 0, blocks = a_blocks + (b_requested ? b.blocks() : 0);
  if (blocks > 0) launch(multiply_both<kRung, A, B>, {static_cast<unsigned>(blocks), kProductThreads}, stream, a, a_blocks, b);
}

/// Calls f with the rung and its elements per access, as compile-time constants.
template <class T, class F>
void with_rung(ProductRung rung, F&& f) {
  const auto with = [&]<ProductRung kRung, int kWidth>() {
    f(std::integral_constant<ProductRung, kRung>{}, std::integral_constant<int, kWidth>{});
  };
  switch (rung) {
    case ProductRung::naive: return with.template operator()<ProductRung::naive, 1>();
    case ProductRung::tiled: return with.template operator()<ProductRung::tiled, 1>();
    case ProductRung::vectorised: return with.template operator()<ProductRung::vectorised, widest<T>>();
    case ProductRung::tensor_core: return with.template operator()<ProductRung::tensor_core, widest<T>>();
    case ProductRung::pipelined: return with.template operator()<ProductRung::pipelined, widest<T>>();
  }
}

/// Rows or channels as an int. Throws ShapeError if 31 bits are not enough.
inline int counted(int64_t value) {
  if (value > INT32_MAX - kProductRows)
    fail<ShapeError>("{} rows or channels: the CUDA products count to {}", value, INT32_MAX - kProductRows);
  return static_cast<int>(value);
}

}  // namespace mcnn::cuda
