// Dense convolution, backward: dw = patches^T dy, and dL/dz from the patches of dy that an input pixel contributed to.
// Contract: kernels/ops.h. As for the pointwise convolution; dL/dz = sum over (p,q,o) of dy * w wants the weights as (I,k,k,O).
// Next: patches.cuh gathers; product.cuh multiplies; epilogues.cuh completes dL/dz.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/patches.cuh"

namespace mcnn::cuda {
namespace {

/// (taps, I, O) fp32 to (I, taps, O) of T.
template <class T>
__global__ void store_input_first(const float* w, T* out, int taps, int in, int outputs) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= static_cast<int64_t>(taps) * in * outputs) return;
  const int64_t row = at / outputs, tap = row % taps, i = row / taps;
  store<T, 1>(out + at, load<float, 1>(w + (tap * in + i) * outputs + at % outputs));
}

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
  if (vendor_ && vendor_dense_backward(x, w, g, dy, dw, dx)) return;
  const Tensor& y = dy.of->raw;
  const int rows = counted(y.rows()), out = counted(y.c()), patch = counted(w.size() / y.c());
  const int x_rows = counted(x.raw.rows()), in = counted(x.raw.c()), taps = g.kernel * g.kernel;
  const DepthSlices slices(patch, out, rows);
  const InputSumCut sums = cut_product_sums(x, dx);
  const auto [w_memory, dw_parts, sum_parts] = scratch_pieces(w.size(), slices.floats(), sums.floats());
  unsigned* const counters = tickets(slices.tickets() + sums.tickets());

  with_storage(x.raw.dtype(), [&, w_memory = w_memory, dw_parts = dw_parts, sum_parts = sum_parts](auto zero) {
    using T = decltype(zero);
    const FeatureRows<T, 1> image{FeatureView<T>::of(x), x_rows, in, Divisor(counted(x.raw.h() * x.raw.w()))};
    T* const stored_w = reinterpret_cast<T*>(w_memory);
    if (dx) launch(store_input_first<T>, {blocks_for(w.size(), 256), 256}, stream(), w.data<float>(), stored_w, taps, in, out);
    with_rung<T>(product_rung(x.raw.dtype(), 0, out), [&](auto rung, auto width) {
      const GradientRows<T, kByFours<width()>> gradient{OutputGradientView<T>::of(dy), rows, out, Divisor(counted(y.h() * y.w()))};
      const BackwardWeight<T, width()> weight{
          {image, g, x.raw, y}, gradient, slices.epilogue<kByFours<width()>>(dw, dw_parts, counters), patch, out, rows,
          slices.depth,         tf32_};
      const BackwardData<T, width()> data{{gradient, g, y, x.raw},
                                          {stored_w, in, taps * out},
                                          product_input_epilogue<T, 1>(x, dx, sums, sum_parts, counters + slices.tickets()),
                                          x_rows,
                                          in,
                                          taps * out,
                                          taps * out,
                                          tf32_};
      launch_products<rung()>(weight, dw.defined(), data, dx != nullptr, stream());
    });
  });
}

}  // namespace mcnn::cuda
