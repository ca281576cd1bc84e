// 1x1 convolution by a library's matrix product.  Contract: kernels/ops.h; who takes it: products.h.
// The maps are row-major matrices (pixels, C), which BLAS sees transposed, (C, pixels) by columns:
//   y^T  (O,R) = w^T  (O,I) z^T  (I,R)         w lies as w^T, z as z^T
//   dw^T (O,I) = dy^T (O,R) z    (R,I)         z lies as z^T: transposed
//   dz^T (I,R) = w    (I,O) dy^T (O,R)         w lies as w^T: transposed
// dz is formed where it stays, in dx.stored, and completed there: rounded to the storage type once more than by the own kernels.
// Next: completion.h.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/stored_weights.cuh"
#include "kernels/cuda/vendor/completion.h"
#include "kernels/cuda/vendor/pieces.h"
#include "kernels/cuda/vendor/plain_operands.h"

namespace mcnn::cuda {
namespace {

std::size_t stored_bytes(const Tensor& w, DType type) {
  return type == DType::f32 ? 0 : static_cast<std::size_t>(w.size()) * size_of(type);
}
const void* stored(const Tensor& w, DType type, void* memory, cudaStream_t stream) {
  const void* out = nullptr;
  with_storage(type, [&](auto zero) { out = stored_weights<decltype(zero)>(w, static_cast<float*>(memory), stream); });
  return out;
}

}  // namespace

void CudaOps::vendor_pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) {
  const DType type = y.dtype();
  const int rows = counted(y.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
  const Pieces<4> at{vendor_->gemm_workspace(), plain_bytes(x, in), stored_bytes(w, type), moments_bytes(y, moments)};
  std::byte* const memory = scratch<std::byte>(at.bytes());

  const void* const z = plain_feature(x, in, memory + at[1], stream_);
  const void* const stored_w = stored(w, type, memory + at[2], stream_);
  vendor_->gemm(
      {.m = out, .n = rows, .k = in, .type = type, .a = stored_w, .lda = out, .b = z, .ldb = in, .c_type = type, .c = y.raw(), .ldc = out},
      memory + at[0], stream_);
  take_moments(y, moments, memory + at[3], stream_);
}

void CudaOps::vendor_pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) {
  const DType type = x.raw.dtype();
  const int rows = counted(x.raw.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
  if (!dw && !dx) return;
  const Pieces<5> at{vendor_->gemm_workspace(), plain_bytes(dy), dw ? plain_bytes(x, in) : 0, dx ? stored_bytes(w, type) : 0,
                     dx ? completion_bytes(x, *dx) : 0};
  std::byte* const memory = scratch<std::byte>(at.bytes());

  const void* const gradient = plain_gradient(dy, memory + at[1], stream_);
  if (dw) {
    const void* const z = plain_feature(x, in, memory + at[2], stream_);
    vendor_->gemm({.transpose_b = true,
                   .m = out,
                   .n = in,
                   .k = rows,
                   .type = type,
                   .a = gradient,
                   .lda = out,
                   .b = z,
                   .ldb = in,
                   .c = dw.raw(),
                   .ldc = out},
                  memory + at[0], stream_);
  }
  if (dx) {
    const void* const stored_w = stored(w, type, memory + at[3], stream_);
    vendor_->gemm({.transpose_a = true,
                   .m = in,
                   .n = rows,
                   .k = out,
                   .type = type,
                   .a = stored_w,
                   .lda = out,
                   .b = gradient,
                   .ldb = out,
                   .c_type = type,
                   .c = dx->stored.raw(),
                   .ldc = in},
                  memory + at[0], stream_);
    complete_gradient(x, dx->stored.raw(), in, *dx, memory + at[4], stream_);
  }
}

}  // namespace mcnn::cuda
