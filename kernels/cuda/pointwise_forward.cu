// 1x1 convolution, forward: y = z w, a matrix product over pixels.  Contract: kernels/operations/pointwise.h.
// z is computed on read. y is stored once; its moments are taken from the tile of y in shared memory.
// Next: product.cuh has the ladder of kernels; operands.cuh reads z; epilogues.cuh stores y; pointwise_backward.cu.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/operands.cuh"

namespace mcnn::cuda {
namespace {

template <class T, int N>
using Forward = Product<FeatureRows<T, kByFours<N>>, Order::k_major, WeightRows<T, N>, Order::mn_major, OutputWriter<T, N>>;

}  // namespace

// Blocks: every tile of y, 64 pixels by 128 channels.
void CudaOps::execute(PointwiseForward& op) {
  const Range name(op.kName);
  if (by_vendor(op.y.dtype())) return execute_by_vendor(op);
  const int rows = counted(op.x.raw.rows()), in = counted(op.w.dim(0)), out = counted(op.w.dim(1));
  const Divisor pixels(counted(op.x.raw.h() * op.x.raw.w()));
  const MomentTargets targets = MomentTargets::of(op.moments, op.y.rows(), op.norm);
  const int64_t row_tiles = targets.mean ? product_row_tiles(rows) : 0, column_tiles = product_column_tiles(out);
  const MomentParts parts(scratch<float>(static_cast<std::size_t>(MomentParts::floats(row_tiles, out, column_tiles))),
                          arrivals(MomentParts::arrival_count(row_tiles, column_tiles)), row_tiles, out, column_tiles);
  with_storage(op.x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* const stored_w = elements<T>(op.w);
    with_rung<T>(product_rung(op.x.raw.dtype(), in, out), [&](auto rung, auto width) {
      const Forward<T, width()> product{{FeatureView<T>::of(op.x), rows, in, pixels},
                                        {stored_w, in, out},
                                        {elements<T>(op.y), parts, targets, rows, out},
                                        rows,
                                        out,
                                        in,
                                        in,
                                        tf32_};
      launch_product<rung()>(product, stream());
    });
  });
}

}  // namespace mcnn::cuda
