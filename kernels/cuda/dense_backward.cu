// Dense convolution, backward: dw = im2col(z)^T dy; dL/dz = im2col(dy) w, over the outputs that read a pixel.
// Contract: kernels/operations/dense.h. One launch, as for the pointwise convolution. dL/dz = sum over (p,q,o) of dy * w reads weights as
// (I,k,k,O). dw always reads inputs one by one: by fours, both products in one launch would spill registers on sm_75.
// Next: im2col.cuh gathers; product.cuh multiplies; epilogues.cuh writes the input gradient.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/im2col.cuh"

namespace mcnn::cuda {
namespace {

/// (taps, I, O) to (I, taps, O).
template <class T>
__global__ void store_input_first(const T* w, T* out, int taps, int in, int outputs) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= static_cast<int64_t>(taps) * in * outputs) return;
  const int64_t row = at / outputs, tap = row % taps, i = row / taps;
  store<T, 1>(out + at, load<T, 1>(w + (tap * in + i) * outputs + at % outputs));
}

template <class T, int N>
using BackwardWeight = Product<Im2col<FeatureRows<T, 1>, Gather::inputs>, Order::mn_major, GradientRows<T, kByFours<N>>, Order::mn_major,
                               WeightWriter<kByFours<N>>>;
/// N output channels, kIn input channels in an access.
template <class T, int N, int kIn>
using BackwardData = Product<Im2col<GradientRows<T, kByFours<N>>, Gather::outputs>, Order::k_major, WeightRows<T, N>, Order::k_major,
                             GradientWriter<T, kIn>>;

}  // namespace

// Blocks of dw: tiles of 64 (tap, input) pairs by 128 outputs, times the slices. Blocks of dL/dz: tiles of 64 pixels by 128 inputs.
void CudaOps::execute(DenseBackward& op) {
  const Range name(op.kName);
  if (vendor_ && execute_by_vendor(op)) return;
  const Tensor& y = op.dy.of.raw;
  const int rows = counted(y.rows()), out = counted(y.c()), patch = counted(op.w.size() / y.c());
  const int x_rows = counted(op.x.raw.rows()), in = counted(op.x.raw.c()), taps = op.geometry.kernel * op.geometry.kernel;
  const DepthSlices slices(patch, out, rows);
  const InputSumCut sums = cut_product_sums(op.x, op.dx);
  const auto [w_memory, dw_parts, sum_parts] = scratch_pieces(op.w.size(), slices.floats(), sums.floats());
  unsigned* const counters = arrivals(slices.arrivals() + sums.arrivals());

  with_storage(op.x.raw.dtype(), [&, w_memory = w_memory, dw_parts = dw_parts, sum_parts = sum_parts](auto zero) {
    using T = decltype(zero);
    const FeatureRows<T, 1> image{FeatureView<T>::of(op.x), x_rows, in, Divisor(counted(op.x.raw.h() * op.x.raw.w()))};
    T* const stored_w = reinterpret_cast<T*>(w_memory);
    if (op.dx.requested())
      launch(store_input_first<T>, {blocks_for(op.w.size(), 256), 256}, stream(), elements<T>(op.w), stored_w, taps, in, out);
    with_rung<T>(product_rung(op.x.raw.dtype(), 0, out), [&](auto rung, auto width) {
      const GradientRows<T, kByFours<width()>> gradient{OutputGradientView<T>::of(op.dy), rows, out, Divisor(counted(y.h() * y.w()))};
      const BackwardWeight<T, width()> weight{{image, op.geometry, op.x.raw, y},
                                              gradient,
                                              slices.epilogue<kByFours<width()>>(op.dw, dw_parts, counters),
                                              patch,
                                              out,
                                              rows,
                                              slices.depth,
                                              tf32_};
      with_input_width<width()>(in, [&](auto in_width) {
        const BackwardData<T, width(), in_width()> data{
            {gradient, op.geometry, y, op.x.raw},
            {stored_w, in, taps * out},
            product_input_epilogue<T, in_width()>(op.x, op.dx, sums, sum_parts, counters + slices.arrivals()),
            x_rows,
            in,
            taps * out,
            taps * out,
            tf32_};
        launch_products<rung()>(weight, op.dw.defined(), data, op.dx.requested(), stream());
      });
    });
  });
}

}  // namespace mcnn::cuda
