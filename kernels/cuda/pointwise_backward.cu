// 1x1 convolution, backward: dw = z^T dy, a product over pixels, and dL/dz = dy w^T.  Contract: kernels/operations/pointwise.h.
// One launch computes both; z and dy are computed on read. dw is summed over slices of the pixels, so that a small dw has enough blocks;
// the slices are added in order. The epilogue turns the tile of dL/dz in shared memory into the input gradient of x.
// Next: product.cuh has the ladder of kernels; operands.cuh reads z and dy; epilogues.cuh writes the input gradient.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/operands.cuh"

namespace mcnn::cuda {
namespace {

template <class T, int N>
using BackwardWeight =
    Product<FeatureRows<T, kByFours<N>>, Order::mn_major, GradientRows<T, kByFours<N>>, Order::mn_major, WeightWriter<kByFours<N>>>;
template <class T, int N>
using BackwardData = Product<GradientRows<T, kByFours<N>>, Order::k_major, WeightRows<T, N>, Order::k_major, GradientWriter<T, N>>;

}  // namespace

// Blocks of dw: tiles of 64 inputs by 128 outputs, times the slices. Blocks of dL/dz: tiles of 64 pixels by 128 inputs.
void CudaOps::execute(PointwiseBackward& op) {
  const Range name(op.kName);
  if (by_vendor(op.x.raw.dtype())) return execute_by_vendor(op);
  const int rows = counted(op.x.raw.rows()), in = counted(op.w.dim(0)), out = counted(op.w.dim(1));
  const Divisor pixels(counted(op.x.raw.h() * op.x.raw.w()));
  const DepthSlices slices(in, out, rows);
  const InputSumCut sums = cut_product_sums(op.x, op.dx);
  const auto [dw_parts, sum_parts] = scratch_pieces(slices.floats(), sums.floats());
  unsigned* const counters = arrivals(slices.arrivals() + sums.arrivals());

  // (clang 14 does not capture the names of a structured binding by itself.)
  with_storage(op.x.raw.dtype(), [&, dw_parts = dw_parts, sum_parts = sum_parts](auto zero) {
    using T = decltype(zero);
    const FeatureView<T> z = FeatureView<T>::of(op.x);
    const OutputGradientView<T> gradient = OutputGradientView<T>::of(op.dy);
    const T* const stored_w = elements<T>(op.w);
    with_rung<T>(product_rung(op.x.raw.dtype(), in, out), [&](auto rung, auto width) {
      const BackwardWeight<T, width()> weight{{z, rows, in, pixels},
                                              {gradient, rows, out, pixels},
                                              slices.epilogue<kByFours<width()>>(op.dw, dw_parts, counters),
                                              in,
                                              out,
                                              rows,
                                              slices.depth,
                                              tf32_};
      const BackwardData<T, width()> data{{gradient, rows, out, pixels},
                                          {stored_w, in, out},
                                          product_input_epilogue<T, width()>(op.x, op.dx, sums, sum_parts, counters + slices.arrivals()),
                                          rows,
                                          in,
                                          out,
                                          out,
                                          tf32_};
      launch_products<rung()>(weight, op.dw.defined(), data, op.dx.requested(), stream());
    });
  });
}

}  // namespace mcnn::cuda
