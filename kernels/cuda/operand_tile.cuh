// A block's tile of one operand of a matrix product, in shared memory, and the fragments that tensor cores read from it.
// C = A B, summed over the depth k. A tile is 64 bytes deep: two steps of a tensor core. It has the same order in shared memory as in
// global memory, so that both move 16 bytes at a time:
//   Order::k_major    row = m or n, column = k     rows of pixels in z w and dy w^T, weights in dy w^T
//   Order::mn_major   row = k, column = m or n     weights in z w, both operands of z^T dy
// Fragment layouts: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type" and "... mma.m16n8k8" (.tf32), and
// "Warp-level matrix load instruction: ldmatrix".
// Next: product.cuh fills and multiplies them.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

enum class Order : uint8_t { k_major, mn_major };

template <class T, Order kOrder, int kOuter>
struct OperandTile {
  static constexpr bool kKMajor = kOrder == Order::k_major;
  static constexpr int kChunk = widest<T>;  // elements in 16 bytes
  static constexpr int kDepth = 4 * kChunk;
  static constexpr int kRows = kKMajor ? kOuter : kDepth, kColumns = kKMajor ? kDepth : kOuter;

  T* data;  // (kRows, kColumns), aligned to 16 bytes

  /// Address of an element. The 16-byte chunks of a row are permuted by the row, so that a warp's access has no bank conflicts: 8 rows
  /// at one chunk (ldmatrix), or 4 rows at two chunks (fp32 without ldmatrix).
  __device__ T* at(int row, int column) const {
    constexpr int kChunks = kColumns / kChunk, kTurns = kChunks < 8 ? kChunks : 8;
    const int turn = kChunks < 8 ? row / (8 / kTurns) : sizeof(T) == 4 ? 2 * row : row;
    return data + row * kColumns + ((column / kChunk) ^ (turn % kTurns)) * kChunk + column % kChunk;
  }
  __device__ T* at_outer(int outer, int k) const { return kKMajor ? at(outer, k) : at(k, outer); }
};

/// One step of a tensor core is two chunks deep: k16 for 16-bit types, k8 for fp32.
template <class Tile>
inline constexpr int kFragmentDepth = 2 * Tile::kChunk;

/// A's fragment of 16 rows from m: registers 0 and 1 hold rows +0 and +8 of the first chunk of k, 2 and 3 of the second.
template <class T, Order kOrder, int kOuter>
__device__ void load_left_fragment(const OperandTile<T, kOrder, kOuter>& tile, int m, int k, uint32_t (&f)[4]) {
  constexpr int kChunk = widest<T>;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (kOrder == Order::k_major) {
    ldmatrix_x4(f, tile.at(m + lane % 16, k + lane / 16 * kChunk));
  } else if constexpr (sizeof(T) == 2) {
    ldmatrix_x4_transposed(f, tile.at(k + lane % 8 + lane / 16 * 8, m + lane / 8 % 2 * 8));
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) f[i] = load_packed<T, 1>(tile.at(k + lane % 4 + i / 2 * 4, m + lane / 4 + i % 2 * 8)).word;
  }
}

/// B's fragments of two times 8 columns from n: registers 0 and 1 are both chunks of k of the first, 2 and 3 of the second.
template <class T, Order kOrder, int kOuter>
__device__ void load_right_fragments(const OperandTile<T, kOrder, kOuter>& tile, int n, int k, uint32_t (&f)[4]) {
  constexpr int kChunk = widest<T>;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (kOrder == Order::k_major) {
    ldmatrix_x4(f, tile.at(n + lane % 8 + lane / 16 * 8, k + lane / 8 % 2 * kChunk));
  } else if constexpr (sizeof(T) == 2) {
    ldmatrix_x4_transposed(f, tile.at(k + lane % 16, n + lane / 16 * 8));
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) f[i] = load_packed<T, 1>(tile.at(k + lane % 4 + i % 2 * 4, n + lane / 4 + i / 2 * 8)).word;
  }
}

/// A fragment's registers for mma.sync. fp32 is the sum of two tf32: high has the upper 11 bits, low the next 11.
template <class T, int kRegisters>
struct Fragment {
  uint32_t high[kRegisters], low[sizeof(T) == 4 ? kRegisters : 1];

  /// From registers [first, first + kRegisters) of `loaded`.
  __device__ explicit Fragment(const uint32_t (&loaded)[4], int first = 0) {
#pragma unroll
    for (int i = 0; i < kRegisters; ++i) {
      if constexpr (sizeof(T) == 4) {
        const float value = __uint_as_float(loaded[first + i]);
        high[i] = to_tf32(value);
        low[i] = to_tf32(value - __uint_as_float(high[i]));
      } else {
        high[i] = loaded[first + i];
      }
    }
  }
};

/// sum += A B for 16 x 8 outputs. fp32 omits the product of the two low parts, 2^-22 of the whole; it adds the small products
/// first. A tensor core rounds toward zero in each addition, and the error grows with the length of a sum: so its sums are short,
/// and added to the long sum outside (Ootomo & Yokota 2022, section 4). For 16-bit types, and fp32 if kTf32, the error of 11-bit
/// operands is larger than that.
template <bool kTf32, class T>
__device__ void multiply_fragments(float (&sum)[4], const Fragment<T, 4>& a, const Fragment<T, 2>& b) {
  if constexpr (sizeof(T) == 2) {
    mma_m16n8k16<T>(sum, a.high, b.high);
  } else if constexpr (kTf32) {
    mma_m16n8k8_tf32(sum, a.high, b.high);
  } else {
    float step[4] = {};
    mma_m16n8k8_tf32(step, a.low, b.high);
    mma_m16n8k8_tf32(step, a.high, b.low);
    mma_m16n8k8_tf32(step, a.high, b.high);
#pragma unroll
    for (int i = 0; i < 4; ++i) sum[i] += step[i];
  }
}

}  // namespace mcnn::cuda
