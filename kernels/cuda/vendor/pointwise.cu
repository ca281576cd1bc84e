// 1x1 convolution by a library's matrix product.  Contract: kernels/ops.h; who takes it: products.h.
// The maps are row-major matrices (pixels, C), which BLAS sees transposed, (C, pixels) by columns:
//   y^T  (O,R) = w^T  (O,I) z^T  (I,R)         w lies as w^T, z as z^T
//   dw^T (O,I) = dy^T (O,R) z    (R,I)         z lies as z^T: transposed
//   dz^T (I,R) = w    (I,O) dy^T (O,R)         w lies as w^T: transposed
// dz is formed where it stays, in dx.stored, and completed there: rounded to the storage type once more than by the own kernels.
// Next: completion.h.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/kernel_times.h"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/vendor/completion.h"
#include "kernels/cuda/vendor/plain_operands.h"

namespace mcnn::cuda {

const void* CudaOps::vendor_weights(const Tensor& w, DType type) {
  const void* out = nullptr;
  with_storage(type, [&](auto zero) { out = stored_weights<decltype(zero)>(w); });
  return out;
}

void CudaOps::vendor_pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) {
  before_norm(moments, [=, this](const MomentTargets& targets) mutable {
    const DType type = y.dtype();
    const int rows = counted(y.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
    const MomentCut cut = cut_moments(y, targets);
    const auto [workspace, z_memory, parts] = scratch_pieces(floats_for(vendor_->gemm_workspace()), plain_floats(x, in), cut.floats());
    unsigned* const counters = tickets(cut.tickets());

    const void* const z = plain_feature(x, in, z_memory, stream());
    vendor_->gemm({.m = out,
                   .n = rows,
                   .k = in,
                   .type = type,
                   .tf32 = as_tf32(type),
                   .a = vendor_weights(w, type),
                   .lda = out,
                   .b = z,
                   .ldb = in,
                   .c_type = type,
                   .c = y.raw(),
                   .ldc = out},
                  workspace, stream());
    time_launch("cuBLAS product", stream());
    take_moments(y, targets, cut, parts, counters, stream());
  });
}

void CudaOps::vendor_pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) {
  const DType type = x.raw.dtype();
  const int rows = counted(x.raw.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
  if (!dw && !dx) return;
  const InputSumCut cut = cut_completion(x, dx);
  const auto [workspace, dy_memory, z_memory, parts] =
      scratch_pieces(floats_for(vendor_->gemm_workspace()), plain_floats(dy), dw ? plain_floats(x, in) : 0, cut.floats());
  unsigned* const counters = tickets(cut.tickets());

  const void* const gradient = plain_gradient(dy, dy_memory, stream());
  if (dw) {
    const void* const z = plain_feature(x, in, z_memory, stream());
    vendor_->gemm({.transpose_b = true,
                   .m = out,
                   .n = in,
                   .k = rows,
                   .type = type,
                   .tf32 = as_tf32(type),
                   .a = gradient,
                   .lda = out,
                   .b = z,
                   .ldb = in,
                   .c = dw.raw(),
                   .ldc = out},
                  workspace, stream());
    time_launch("cuBLAS product", stream());
  }
  if (dx) {
    vendor_->gemm({.transpose_a = true,
                   .m = in,
                   .n = rows,
                   .k = out,
                   .type = type,
                   .tf32 = as_tf32(type),
                   .a = vendor_weights(w, type),
                   .lda = out,
                   .b = gradient,
                   .ldb = out,
                   .c_type = type,
                   .c = dx->stored.raw(),
                   .ldc = in},
                  workspace, stream());
    time_launch("cuBLAS product", stream());
    complete_gradient(x, dx->stored.raw(), in, *dx, cut, parts, counters, stream());
  }
}

}  // namespace mcnn::cuda
