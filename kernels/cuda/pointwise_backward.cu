// 1x1 convolution, backward: dw = z^T dy, a product over pixels, and dL/dz = dy w^T.  Contract: kernels/ops.h.
// z and dy are formed on read. dw is summed over slices of the pixels, so that there are blocks enough where it is small; the
// slices are added up in order. dL/dz is completed into what x's producer wants while the tile is in shared memory.
// Next: product.cuh has the ladder of kernels; operands.cuh reads z and dy; epilogues.cuh completes dL/dz.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/operands.cuh"
#include "kernels/cuda/stored_weights.cuh"

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
  const int rows = counted(x.raw.rows()), in = counted(w.dim(0)), out = counted(w.dim(1));
  const Divisor pixels(counted(x.raw.h() * x.raw.w()));
  const DepthSlices slices(in, out, rows);
  const InputSumParts sums = product_input_sums(x, dx);
  const int64_t w_floats = stored_weight_floats(w), dw_floats = dw.defined() ? slices.floats() : 0;
  float* const memory = scratch<float>(w_floats + dw_floats + sums.floats());
  float *const dw_parts = memory + w_floats, *const sum_parts = dw_parts + dw_floats;

  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const FeatureView<T> z = FeatureView<T>::of(x);
    const OutputGradientView<T> gradient = OutputGradientView<T>::of(dy);
    const T* const stored_w = dx ? stored_weights<T>(w, memory, stream_) : nullptr;
    with_rung<T>(product_rung(x.raw.dtype(), in, out), [&](auto rung, auto width) {
      if (dw.defined()) {
        const BackwardWeight<T, width()> product{
            {z, rows, in, pixels}, {gradient, rows, out, pixels}, {slices.target(dw, dw_parts), in, out}, in, out, rows, slices.depth};
        launch_product<rung()>(product, stream_);
      }
      if (dx) {
        const BackwardData<T, width()> product{{gradient, rows, out, pixels},
                                               {stored_w, in, out},
                                               product_input_epilogue<T, width()>(x, *dx, sums, sum_parts),
                                               rows,
                                               in,
                                               out,
                                               out};
        launch_product<rung()>(product, stream_);
      }
    });
  });
  if (dw.defined()) slices.merge(dw_parts, dw, stream_);
  if (dx && sums.parts_per_group) merge_input_sums(stream_, sum_parts, sums, x, *dx);
}

}  // namespace mcnn::cuda
