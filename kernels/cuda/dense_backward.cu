// Dense convolution, backward: dw = patches^T dy, and dL/dz from the patches of dy that an input pixel contributed to.
// Contract: kernels/ops.h. As for the pointwise convolution; dL/dz = sum over (p,q,o) of dy * w wants the weights as (I,k,k,O).
// Next: patches.cuh gathers; product.cuh multiplies; epilogues.cuh completes dL/dz.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/patches.cuh"
#include "kernels/cuda/stored_weights.cuh"

namespace mcnn::cuda {
namespace {

template <class T, int N>
using BackwardWeight = Product<PatchRows<FeatureRows<T, 1>, Gather::inputs>, Consecutive::outer, GradientRows<T, kByFours<N>>,
                               Consecutive::outer, WeightEpilogue<kByFours<N>>>;
template <class T, int N>
using BackwardData = Product<PatchRows<GradientRows<T, kByFours<N>>, Gather::outputs>, Consecutive::depth, WeightRows<T, N>,
                             Consecutive::depth, GradientEpilogue<T, 1>>;

}  // namespace

// Blocks of dw: its tiles, 64 (tap, input)s by 128 outputs, times the slices. Of dL/dz: its tiles, 64 pixels by 128 inputs.
void CudaOps::dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                             InputGradient* dx) {
  const Range range(__func__);
  const Tensor& y = dy.of->raw;
  const int rows = counted(y.rows()), out = counted(y.c()), patch = counted(w.size() / y.c());
  const int x_rows = counted(x.raw.rows()), in = counted(x.raw.c()), taps = g.kernel * g.kernel;
  const DepthSlices slices(patch, out, rows);
  const InputSumParts sums = product_input_sums(x, dx);
  const int64_t w_floats = stored_weight_floats(w), dw_floats = dw.defined() ? slices.floats() : 0;
  float* const memory = scratch<float>(w_floats + dw_floats + sums.floats());
  float *const dw_parts = memory + w_floats, *const sum_parts = dw_parts + dw_floats;

  with_storage(x.raw.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const FeatureRows<T, 1> image{FeatureView<T>::of(x), x_rows, in, Divisor(counted(x.raw.h() * x.raw.w()))};
    const T* const stored_w = dx ? input_first_weights<T>(w, memory, stream_) : nullptr;
    with_rung<T>(product_rung(x.raw.dtype(), 0, out), [&](auto rung, auto width) {
      const GradientRows<T, kByFours<width()>> gradient{OutputGradientView<T>::of(dy), rows, out, Divisor(counted(y.h() * y.w()))};
      if (dw.defined()) {
        const BackwardWeight<T, width()> product{
            {image, g, x.raw, y}, gradient, {slices.target(dw, dw_parts), patch, out}, patch, out, rows, slices.depth};
        launch_product<rung()>(product, stream_);
      }
      if (dx) {
        const BackwardData<T, width()> product{{gradient, g, y, x.raw},
                                               {stored_w, in, taps * out},
                                               product_input_epilogue<T, 1>(x, *dx, sums, sum_parts),
                                               x_rows,
                                               in,
                                               taps * out,
                                               taps * out};
        launch_product<rung()>(product, stream_);
      }
    });
  });
  if (dw.defined()) slices.merge(dw_parts, dw, stream_);
  if (dx && sums.parts_per_group) merge_input_sums(stream_, sum_parts, sums, x, *dx);
}

}  // namespace mcnn::cuda
