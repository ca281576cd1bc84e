// Dense convolution, forward: a matrix product, with im2col on read.  Contract: kernels/operations/dense.h.
// A row of im2col has k*k*I values; the stem's 27 fit into one tile of the operand. Weights (k,k,I,O) are a matrix already.
// Next: im2col.cuh gathers; product.cuh multiplies; dense_backward.cu.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/im2col.cuh"

namespace mcnn::cuda {
namespace {

/// N output channels, kIn input channels in an access.
template <class T, int N, int kIn>
using Forward = Product<Im2col<FeatureRows<T, kIn>, Gather::inputs>, Order::k_major, WeightRows<T, N>, Order::mn_major, OutputWriter<T, N>>;

}  // namespace

// Blocks: every tile of y, 64 pixels by 128 channels.
void CudaOps::execute(DenseForward& op) {
  const Range name(op.kName);
  if (vendor_ && execute_by_vendor(op)) return;
  const int rows = counted(op.y.rows()), out = counted(op.y.c()), depth = counted(op.w.size() / op.y.c());
  const MomentTargets targets = MomentTargets::of(op.moments, op.y.rows(), op.norm);
  const int64_t row_tiles = targets.mean ? product_row_tiles(rows) : 0, column_tiles = product_column_tiles(out);
  const MomentParts parts(scratch<float>(static_cast<std::size_t>(MomentParts::floats(row_tiles, out, column_tiles))),
                          arrivals(MomentParts::arrival_count(row_tiles, column_tiles)), row_tiles, out, column_tiles);
  with_storage(op.y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* const stored_w = elements<T>(op.w);
    const int x_rows = counted(op.x.raw.rows()), in = counted(op.x.raw.c());
    const Divisor pixels(counted(op.x.raw.h() * op.x.raw.w()));
    with_rung<T>(product_rung(op.y.dtype(), 0, out), [&](auto rung, auto width) {
      with_input_width<width()>(in, [&](auto in_width) {
        const FeatureRows<T, in_width()> z{FeatureView<T>::of(op.x), x_rows, in, pixels};
        const Forward<T, width(), in_width()> product{{z, op.geometry, op.x.raw, op.y},
                                                      {stored_w, depth, out},
                                                      {elements<T>(op.y), parts, targets, rows, out},
                                                      rows,
                                                      out,
                                                      depth,
                                                      depth,
                                                      tf32_};
        launch_product<rung()>(product, stream());
      });
    });
  });
}

}  // namespace mcnn::cuda
