// 1x1 convolution by cuBLAS.  Contract: kernels/operations/pointwise.h; products.h says when it is used.
// The maps are row-major matrices (pixels, C). BLAS matrices are column-major, so it sees them transposed, (C, pixels):
//   y^T  (O,R) = w^T  (O,I) z^T  (I,R)         w is stored as w^T, z as z^T
//   dw^T (O,I) = dy^T (O,R) z    (R,I)         z is stored as z^T: transposed
//   dz^T (I,R) = w    (I,O) dy^T (O,R)         w is stored as w^T: transposed
// cuBLAS writes dz into dx.stored, and the epilogue works in place: one rounding to the storage type more than own kernels.
// Next: epilogues.h.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/kernel_times.h"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/vendor/epilogues.h"
#include "kernels/cuda/vendor/plain_operands.h"

namespace mcnn::cuda {

void CudaOps::execute_by_vendor(PointwiseForward& op) {
  const MomentTargets targets = MomentTargets::of(op.moments, op.y.rows(), op.norm);
  const DType type = op.y.dtype();
  const int rows = counted(op.y.rows()), in = counted(op.w.dim(0)), out = counted(op.w.dim(1));
  const MomentCut cut = cut_moments(op.y, targets);
  const auto [workspace, z_memory, parts] = scratch_pieces(floats_for(vendor_->gemm_workspace()), plain_floats(op.x, in), cut.floats());
  unsigned* const counters = arrivals(cut.arrivals());

  const void* const z = plain_feature(op.x, in, z_memory, stream());
  vendor_->gemm({.m = out,
                 .n = rows,
                 .k = in,
                 .type = type,
                 .tf32 = as_tf32(type),
                 .a = op.w.raw(),
                 .lda = out,
                 .b = z,
                 .ldb = in,
                 .c_type = type,
                 .c = op.y.raw(),
                 .ldc = out},
                workspace, stream());
  time_launch("cuBLAS product", stream());
  take_moments(op.y, targets, cut, parts, counters, stream());
}

void CudaOps::execute_by_vendor(PointwiseBackward& op) {
  const DType type = op.x.raw.dtype();
  const int rows = counted(op.x.raw.rows()), in = counted(op.w.dim(0)), out = counted(op.w.dim(1));
  if (!op.dw && !op.dx.requested()) return;
  const InputSumCut cut = cut_gradient_sums(op.x, op.dx);
  const auto [workspace, dy_memory, z_memory, parts] =
      scratch_pieces(floats_for(vendor_->gemm_workspace()), plain_floats(op.dy), op.dw ? plain_floats(op.x, in) : 0, cut.floats());
  unsigned* const counters = arrivals(cut.arrivals());

  const void* const gradient = plain_gradient(op.dy, dy_memory, stream());
  if (op.dw) {
    const void* const z = plain_feature(op.x, in, z_memory, stream());
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
                   .c = op.dw.raw(),
                   .ldc = out},
                  workspace, stream());
    time_launch("cuBLAS product", stream());
  }
  if (op.dx.requested()) {
    vendor_->gemm({.transpose_a = true,
                   .m = in,
                   .n = rows,
                   .k = out,
                   .type = type,
                   .tf32 = as_tf32(type),
                   .a = op.w.raw(),
                   .lda = out,
                   .b = gradient,
                   .ldb = out,
                   .c_type = type,
                   .c = op.dx.stored.raw(),
                   .ldc = in},
                  workspace, stream());
    time_launch("cuBLAS product", stream());
    write_input_gradient(op.x, op.dx.stored.raw(), in, op.dx, cut, parts, counters, stream());
  }
}

}  // namespace mcnn::cuda
