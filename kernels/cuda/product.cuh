// The matrix product behind the pointwise and the dense convolutions, forward and backward:   C = A B, summed over a depth.
// Operands are read through a transform (operands.cuh), results leave through an epilogue (epilogues.cuh); a block makes 64 x 128
// of C. Between the two stands a ladder (product_rung.h), each rung a way to form the block's sums:
//   naive         a thread walks along its row and its column in global memory
//   tiled         a piece of both operands is transformed into shared memory, then used by all
//   vectorised    the same by 128-bit accesses; a thread holds 8 x 4 sums, so that what it loads is used 8 or 4 times
//   tensor_core   the same pieces, multiplied by mma.sync
//   pipelined     while one piece is multiplied, the next is on its way: what is transformed to registers (transforms need
//                 the values), plain weights by cp.async straight into the other half of shared memory       <- used
// The wide side of a block is n, as A is what costs a transform with exponentials: it is formed once for 128 columns.
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

/// What a kernel is given. Sources have rows and columns as they lie in memory, whose sense is the order's:
/// Consecutive::depth (m or n, k), Consecutive::outer (k, m or n).
template <class LeftSource, Consecutive kLeft, class RightSource, Consecutive kRight, class Epilogue_>
struct Product {
  using Epilogue = Epilogue_;
  using T = typename LeftSource::Element;
  static constexpr Consecutive kLeftOrder = kLeft, kRightOrder = kRight;
  static constexpr int kLeftWidth = LeftSource::kWidth;
  using LeftTile = OperandTile<T, kLeft, kProductRows>;
  using RightTile = OperandTile<T, kRight, kProductColumns>;

  LeftSource left;
  RightSource right;
  Epilogue epilogue;
  int rows, columns, depth;  // C is (rows, columns)
  int slice;                 // depth that a block sums
  bool tf32;                 // tensor cores may take fp32 for tf32

  __host__ __device__ int column_tiles() const { return (columns + kProductColumns - 1) / kProductColumns; }
  __host__ __device__ int tiles() const { return (rows + kProductRows - 1) / kProductRows * column_tiles(); }
  int blocks() const { return tiles() * ((depth + slice - 1) / slice); }
};

/// A block's results in shared memory, from where its epilogue takes them row by row.
struct ResultTile {
  static constexpr int kPitch = kProductColumns + 8;  // the 4 rows that half a warp writes fall on different banks
  float* data;
  __device__ float* at(int row, int column) const { return data + row * kPitch + column; }
};

/// The pieces make room for the results.
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

/// Brings an operand, piece by piece, into shared memory: fetch starts the reading, commit finishes it. Elements outside of the
/// operand are 0. A thread keeps to its columns, so that it needs the coefficients of few channels.
template <class Source, Consecutive kOrder, int kOuter>
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
        row_end_(Tile::kDepthFirst ? source.rows : depth_end),
        row_(static_cast<int>(threadIdx.x) / kVectors),
        column_(static_cast<int>(threadIdx.x) % kVectors * N) {}

  /// Starts the reading of the piece at k.
  __device__ void fetch(const Tile& tile, int k) { start<kItems>(tile, k, 0, loaded_); }
  /// Finishes what fetch started.
  __device__ void commit(const Tile& tile, int k) { finish<kItems>(tile, k, 0, loaded_); }
  /// Both, for rungs that have nothing to do meanwhile.
  __device__ void bring(const Tile& tile, int k) {
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
  __device__ int column(int k) const { return column_ + (Tile::kDepthFirst ? k : outer_); }
  __device__ int row(int k, int item) const { return row_ + item * kRowStep + (Tile::kDepthFirst ? outer_ : k); }
  __device__ bool inside(int k, int item) const { return row(k, item) < row_end_ && column(k) < source_.columns; }
  __device__ T* place(const Tile& tile, int item) const { return tile.at(row_ + item * kRowStep, column_); }

  template <int kCount>
  __device__ void start(const Tile& tile, int k, int first, Loaded* loaded) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const bool wanted = inside(k, first + i);
      if constexpr (Source::kTransformed) {
        if (wanted) loaded[i] = source_.fetch(row(k, first + i), column(k));
      } else {
        copy_async(place(tile, first + i), source_.address(wanted ? row(k, first + i) : 0, wanted ? column(k) : 0), wanted);
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

/// tiled: a thread has one column and every second row. Neighbours read neighbouring columns and the same row; where columns lie
/// 64 bytes apart (weights in dy w^T), that is four-way bank conflicts, which vectorised avoids.
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

/// vectorised: a warp has 8 rows, a lane 4 columns. Four elements are read at once, along whichever axis is consecutive.
template <class P>
struct VectorSums {
  static constexpr int kRows = 8, kColumns = 4, kVector = 4;
  float sums[kRows][kColumns] = {};

  __device__ static int row(int i) {
    const int warp = static_cast<int>(threadIdx.x) / 32;
    return P::LeftTile::kDepthFirst ? warp * kRows + i : i / kVector * 32 + warp * kVector + i % kVector;
  }
  __device__ static int column(int j) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return P::RightTile::kDepthFirst ? lane + 32 * j : lane * kColumns + j;
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
      if constexpr (!P::RightTile::kDepthFirst) {
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
    if constexpr (Tile::kDepthFirst) {
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
  /// n: the block's first column; a warp past the last one has nothing to multiply.
  __device__ void add(const P& p, int n, const typename P::LeftTile& a, const typename P::RightTile& b) {
    if (n + column() >= p.columns) return;
    if (sizeof(typename P::T) == 4 && p.tf32)
      add_products<true>(a, b);
    else
      add_products<false>(a, b);
  }
  /// Of 16 x 8 sums a lane holds two neighbours in row lane/4 and two in row lane/4 + 8.
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
  /// Unrolled once for each kTf32, so that low parts that nobody multiplies are not formed.
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

/// The block's sums over depths [begin, end), from pieces in shared memory.
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
      left.bring(left_tile(0), k);
      right.bring(right_tile(0), k);
    }
    wait_for_copies();
    __syncthreads();  // the piece is there; and all are done with the other half
    if (kPipelined && k + kDepth < end) fetch(side ^ 1, k + kDepth);
    sums.add(p, n, left_tile(side), right_tile(side));
    if (!kPipelined) __syncthreads();  // before the piece is written over
  }
  __syncthreads();  // the results take the pieces' place
  sums.write(result);
}

/// naive: one result after the other.
template <class P>
__device__ void walk_sums(const P& p, int m, int n, int begin, int end, const ResultTile& result) {
  const auto element = [](const auto& source, int row, int column) {
    if (row >= source.rows || column >= source.columns) return 0.f;
    return source.value(source.fetch(row, column), row, column)[0];
  };
  for (int i = static_cast<int>(threadIdx.x); i < kProductRows * kProductColumns; i += kProductThreads) {
    const int row = i / kProductColumns, column = i % kProductColumns;
    float sum = 0.f;
    for (int k = begin; k < end; ++k)
      sum += (P::LeftTile::kDepthFirst ? element(p.left, m + row, k) : element(p.left, k, m + row)) *
             (P::RightTile::kDepthFirst ? element(p.right, n + column, k) : element(p.right, k, n + column));
    store<float, 1>(result.at(row, column), {{sum}});
  }
}

/// Two blocks share a multiprocessor: one's transforms run beside the other's products. Tensor cores of fp32 (three products that
/// leave their sums) and operands read one by one may want more than the 128 registers that this leaves a thread.
template <ProductRung kRung, class P>
inline constexpr int kBlocksAtOnce = P::kLeftWidth == 1 || (kRung >= ProductRung::tensor_core && sizeof(typename P::T) == 4) ? 1 : 2;

/// Block number `block` of a product: slice after slice, row of tiles after row, so that those that read the same rows run together.
template <ProductRung kRung, class P>
__device__ void multiply_block(const P& p, int block, ProductMemory<P>& shared) {
  const ResultTile result{shared.result};
  const int slice = block / p.tiles(), tile = block % p.tiles() / p.column_tiles();
  const int m = tile * kProductRows, n = block % p.tiles() % p.column_tiles() * kProductColumns;
  const int begin = slice * p.slice, end = min(p.depth, begin + p.slice);
  if constexpr (kRung == ProductRung::naive) {
    walk_sums(p, m, n, begin, end, result);
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

/// On sm_75 two products of fp16 want a register more than 128.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
inline constexpr int kMostBlocksOfBoth = 1;
#else
inline constexpr int kMostBlocksOfBoth = 2;
#endif

/// Two products side by side: the first a_blocks blocks make a, the others b.
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
/// One launch for both, or for the one that is wanted.
template <ProductRung kRung, class A, class B>
void launch_products(const A& a, bool wants_a, const B& b, bool wants_b, cudaStream_t stream) {
  const int a_blocks = wants_a ? a.blocks() : 0, blocks = a_blocks + (wants_b ? b.blocks() : 0);
  if (blocks > 0) launch(multiply_both<kRung, A, B>, {static_cast<unsigned>(blocks), kProductThreads}, stream, a, a_blocks, b);
}

/// Calls f with a rung and the elements in one access that go with it, as compile-time constants.
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

/// Rows and channels as kernels count them. Throws ShapeError where 31 bits are not enough.
inline int counted(int64_t value) {
  if (value > INT32_MAX - kProductRows)
    fail<ShapeError>("{} rows or channels: the CUDA products count to {}", value, INT32_MAX - kProductRows);
  return static_cast<int>(value);
}

}  // namespace mcnn::cuda
