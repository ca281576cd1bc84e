// The seam to NVIDIA's libraries, in plain terms: matrix products as BLAS states them, and dense convolutions. Behind it stand
// cuBLAS and cuDNN, found when a program starts (libraries.h); for the emulator, kernels/sim/reference_vendor.cpp, which takes a
// call at its word, so that a wrong transpose or leading dimension gives a wrong result or an error there as it would on a GPU.
// Operands are plain: plain_operands.h makes them of features and gradients, completion.h makes of results what readers want.
// Next: pointwise.cu and convolution.cu call it; products.h says when.
#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/dtype.h"

struct CUstream_st;

namespace mcnn::cuda {

using Stream = CUstream_st*;  // cudaStream_t, without CUDA's headers

/// C = alpha op(A) op(B) + beta C: op(A) (m,k), op(B) (k,n), C (m,n), each stored column by column: element (i,j) at i + j*ld.
/// Accumulation is fp32, and fp32 is multiplied as fp32 but where tf32 will do. beta 0: C is not read.
struct Gemm {
  bool transpose_a = false, transpose_b = false;
  int m = 0, n = 0, k = 0;
  float alpha = 1.f;
  DType type = DType::f32;  ///< of A and B
  bool tf32 = false;        ///< of fp32: its upper 11 bits will do
  const void* a = nullptr;
  int lda = 0;
  const void* b = nullptr;
  int ldb = 0;
  float beta = 0.f;
  DType c_type = DType::f32;  ///< `type` or f32
  void* c = nullptr;
  int ldc = 0;
};

/// Which operand of a convolution is the result: y, x or w.
enum class Direction : uint8_t { forward, backward_data, backward_weight };

/// x (n,h,w,in), w (out,kernel,kernel,in), y (n,out_h,out_w,out), all of `type`, multiplied as by Gemm; no taps are flipped.
struct Convolution {
  Direction direction = Direction::forward;
  DType type = DType::f32;
  bool tf32 = false;
  int64_t n = 0, h = 0, w = 0, in = 0, out_h = 0, out_w = 0, out = 0;
  int64_t kernel = 1, stride = 1, pad_top = 0, pad_left = 0;
  auto operator<=>(const Convolution&) const = default;
};
struct ConvolutionOperands {
  void *x, *w, *y;
};

/// Calls return when the work is in the stream. Workspaces are aligned to 256 bytes and free again behind the call. Results have
/// the same bits every time. Throws Error: what the library says.
class Vendor {
 public:
  virtual ~Vendor() = default;
  /// Whether gemm takes operands of this type.
  virtual bool multiplies(DType type) const = 0;
  virtual std::size_t gemm_workspace() const = 0;  ///< bytes
  virtual void gemm(const Gemm& product, void* workspace, Stream stream) = 0;

  /// Bytes; nothing: it has no kernel for this convolution.
  virtual std::optional<std::size_t> convolution_workspace(const Convolution& convolution) = 0;
  virtual void convolve(const Convolution& convolution, const ConvolutionOperands& operands, void* workspace, Stream stream) = 0;
};

/// What was found, and the words that say so: "cuBLAS 13.1, cuDNN 9.19", or why one is missing. Without both `vendor` is null.
struct FoundVendor {
  std::unique_ptr<Vendor> vendor;
  std::string line;
};

/// For the current GPU, of compute capability `capability` (75, 80, ...). Throws Error where MCNN_CUDA_LIBS names a folder without
/// the libraries.
FoundVendor find_vendor(int capability);

}  // namespace mcnn::cuda
