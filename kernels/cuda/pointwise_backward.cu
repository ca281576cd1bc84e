// 1x1 convolution, backward: dw = z^T dy, a product over pixels, and dL/dz = dy w^T.  Contract: kernels/ops.h.
// z and dy are formed on read, and one launch makes both. dw is summed over slices of the pixels, so that there are blocks enough
// where it is small; the slices are added up in order. dL/dz is completed into what x's producer wants while the tile is in shared memory.
// Next: product.cuh has the ladder of kernels; operands.cuh reads z and dy; epilogues.cuh completes dL/dz.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/operands.cuh"

namespace mcnn::cuda {
namespace {

template <class T, int N>
using BackwardWeight =
    Product<FeatureRows<T, kByFours<N>>, Consecutive::outer, GradientRows<T, kByFours<N>>, Consecutive::outer, WeightEpilogue<kByFours<N>>>;
template <class T, int N>
using BackwardData =
    Product<GradientRows<T, kByFours<N>>, Consecutive::depth, WeightRows<T, N>, Consecutive::depth, GradientEpilogue<T, N>>;

}  // namespace

// Blocks of dw: its tiles, 64 inputs by 128 outputs, times the slices. Of dL/dz: its tiles, 64 pixels by 128 inputs.
void CudaOps::pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) {
  const Range range(__func__);
  if (by_vendor(x.raw.dtype())) return vendor_pointwise_backward(x, w, dy, dw, dx);
  const int rows = counted(x.raw.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
  const Divisor pixels(counted(x.raw.h() * x.raw.w()));
  const DepthSlices slices(in, out, rows);
  const InputSumCut sums = cut_product_sums(x, dx);
  const auto [dw_parts, sum_parts] = scratch_pieces(slices.floats(), sums.floats());
  unsigned* const counters = tickets(slices.tickets() + sums.tickets());

  // (clang 14 does not capture the names of a structured binding by itself.)
  with_storage(x.raw.dtype(), [&, dw_parts = dw_parts, sum_parts = sum_parts](auto zero) {
    using T = decltype(zero);
    const FeatureView<T> z = FeatureView<T>::of(x);
    const OutputGradientView<T> gradient = OutputGradientView<T>::of(dy);
    const T* const stored_w = dx ? stored_weights<T>(w) : nullptr;
    with_rung<T>(product_rung(x.raw.dtype(), in, out), [&](auto rung, auto width) {
      const BackwardWeight<T, width()> weight{{z, rows, in, pixels},
                                              {gradient, rows, out, pixels},
                                              slices.epilogue<kByFours<width()>>(dw, dw_parts, counters),
                                              in,
                                              out,
                                              rows,
                                              slices.depth,
                                              tf32_};
      const BackwardData<T, width()> data{{gradient, rows, out, pixels},
                                          {stored_w, in, out},
                                          product_input_epilogue<T, width()>(x, dx, sums, sum_parts, counters + slices.tickets()),
                                          rows,
                                          in,
                                          out,
                                          out,
                                          tf32_};
      launch_products<rung()>(weight, dw.defined(), data, dx != nullptr, stream());
    });
  });
}

}  // namespace mcnn::cuda
