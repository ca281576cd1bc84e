// The interface to NVIDIA's libraries: matrix products as BLAS states them, and dense convolutions. Its implementations are cuBLAS and
// cuDNN, found when a program starts (libraries.h), and, on the emulator, the loops of kernels/sim/reference_vendor.cpp. These compute
// exactly what a call states, so a wrong transpose or leading dimension gives a wrong result or an error, as on a GPU.
// The libraries read plain operands: plain_operands.h writes features and gradients out; epilogues.h has the epilogues of their results.
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
/// Accumulation is fp32. fp32 operands are multiplied as fp32, or as tf32 if `tf32` is set. beta 0: C is not read.
struct Gemm {
  bool transpose_a = false, transpose_b = false;
  int m = 0, n = 0, k = 0;
  float alpha = 1.f;
  DType type = DType::f32;  ///< of A and B
  bool tf32 = false;        ///< fp32 operands may be rounded to tf32, 11 significant bits
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

/// x (n,h,w,in), w (out,kernel,kernel,in), y (n,out_h,out_w,out), all of `type`; `tf32` as in Gemm. A cross-correlation: w is not
/// flipped.
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

/// gemm() and convolve() queue work in the stream and return. A workspace is aligned to 256 bytes; work queued later may reuse it.
/// Results are deterministic. Failures throw Error with the library's message.
class Vendor {
 public:
  virtual ~Vendor() = default;
  /// Whether gemm takes operands of this type.
  virtual bool multiplies(DType type) const = 0;
  virtual std::size_t gemm_workspace() const = 0;  ///< bytes
  virtual void gemm(const Gemm& product, void* workspace, Stream stream) = 0;

  /// Bytes that convolve() needs; nullopt: the library has no kernel for this convolution.
  virtual std::optional<std::size_t> convolution_workspace(const Convolution& convolution) = 0;
  virtual void convolve(const Convolution& convolution, const ConvolutionOperands& operands, void* workspace, Stream stream) = 0;
};

struct FoundVendor {
  std::unique_ptr<Vendor> vendor;  ///< null if neither library was found
  std::string line;                ///< "cuBLAS 13.1, cuDNN 9.19", or the reason why one is missing
};

/// For the current GPU, of compute capability `capability` (75, 80, ...). Throws Error if MCNN_CUDA_LIBS names a folder that has neither
/// library.
FoundVendor find_vendor(int capability);

}  // namespace mcnn::cuda
