// Dense convolution by cuDNN.  Contract: kernels/operations/dense.h; products.h says when it is used.
// cuDNN's filters are (O,k,k,I) of the storage type. It writes dw in that type as well, one rounding more than own kernels: none of cuDNN
// 9.19's precompiled engines gives an fp32 dw for 16-bit operands. For tensor cores, input channels are padded with zeros to whole
// 128-bit vectors; for an image's three channels cuDNN would make a padded copy itself (74 MB for b4's stem in 16 bits, batch 32).
// For fp32 without tensor cores nothing is padded, as padding makes no more engines available.
// Next: epilogues.h has the epilogues; cudnn.h makes and runs cuDNN's plans.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/kernel_times.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "kernels/cuda/vendor/epilogues.h"
#include "kernels/cuda/vendor/plain_operands.h"

namespace mcnn::cuda {
namespace {

constexpr unsigned kThreads = 256;  // one element per thread: filters are small

/// From w (taps,I,O) to filters (O,taps,padded), with zeros from channel I on.
template <class T>
__global__ void write_filters(const T* w, int taps, int in, int padded, int outputs, T* filters) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), i = at % padded, tap = at / padded % taps;
  if (at >= outputs * taps * padded) return;
  store<T, 1>(filters + at, i < in ? load<T, 1>(w + (tap * in + i) * outputs + at / padded / taps) : Floats<1>{});
}

/// From filters (O,taps,padded) to dw (taps,I,O), without the padding.
template <class T>
__global__ void read_filters(const T* filters, int taps, int in, int padded, int outputs, float* dw) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), o = at % outputs, i = at / outputs % in;
  if (at >= taps * in * outputs) return;
  store<float, 1>(dw + at, load<T, 1>(filters + (o * taps + at / outputs / in) * padded + i));
}

int64_t padded_channels(const Feature& x, bool tf32) {
  if (x.raw.dtype() == DType::f32 && !tf32) return x.raw.c();
  const auto vector = static_cast<int64_t>(16 / size_of(x.raw.dtype()));
  return (x.raw.c() + vector - 1) / vector * vector;
}

Convolution convolution_of(Direction direction, bool tf32, const Feature& x, const Tensor& y, const ConvGeometry& g) {
  return {direction, x.raw.dtype(), tf32,  x.raw.n(), x.raw.h(), x.raw.w(), padded_channels(x, tf32),
          y.h(),     y.w(),         y.c(), g.kernel,  g.stride,  g.pad_top, g.pad_left};
}

int64_t filter_floats(const Convolution& c) { return floats_for(c.out * c.kernel * c.kernel * c.in, c.type); }

void make_filters(const Tensor& w, const Convolution& c, void* filters, cudaStream_t stream) {
  with_storage(c.type, [&](auto zero) {
    using T = decltype(zero);
    const int64_t taps = c.kernel * c.kernel;
    launch(write_filters<T>, {blocks_for(c.out * taps * c.in, kThreads), kThreads}, stream, elements<T>(w), taps, w.dim(2), c.in, c.out,
           static_cast<T*>(filters));
  });
}

}  // namespace

bool CudaOps::execute_by_vendor(DenseForward& op) {
  const Convolution forward = convolution_of(Direction::forward, as_tf32(op.y.dtype()), op.x, op.y, op.geometry);
  const std::optional<std::size_t> workspace_bytes = vendor_->convolution_workspace(forward);
  if (!workspace_bytes) return false;
  const MomentTargets targets = MomentTargets::of(op.moments, op.y.rows(), op.norm);
  const MomentCut cut = cut_moments(op.y, targets);
  const auto [workspace, z_memory, filters, parts] =
      scratch_pieces(floats_for(*workspace_bytes), plain_floats(op.x, forward.in), filter_floats(forward), cut.floats());
  unsigned* const counters = arrivals(cut.arrivals());

  const void* const z = plain_feature(op.x, forward.in, z_memory, stream());
  make_filters(op.w, forward, filters, stream());
  vendor_->convolve(forward, {const_cast<void*>(z), filters, op.y.raw()}, workspace, stream());
  time_launch("cuDNN convolution", stream());
  take_moments(op.y, targets, cut, parts, counters, stream());
  return true;
}

bool CudaOps::execute_by_vendor(DenseBackward& op) {
  const bool tf32 = as_tf32(op.x.raw.dtype());
  const Convolution weight = convolution_of(Direction::backward_weight, tf32, op.x, op.dy.of.raw, op.geometry),
                    data = convolution_of(Direction::backward_data, tf32, op.x, op.dy.of.raw, op.geometry);
  const auto weight_workspace = op.dw ? vendor_->convolution_workspace(weight) : 0,
             data_workspace = op.dx.requested() ? vendor_->convolution_workspace(data) : 0;
  if (!weight_workspace || !data_workspace) return false;
  if (!op.dw && !op.dx.requested()) return true;
  const InputSumCut cut = cut_gradient_sums(op.x, op.dx);
  const auto [workspace, dy_memory, z_memory, filters, dz, parts] = scratch_pieces(
      floats_for(std::max(*weight_workspace, *data_workspace)), plain_floats(op.dy), op.dw ? plain_floats(op.x, weight.in) : 0,
      filter_floats(data), op.dx.requested() ? floats_for(op.x.raw.rows() * data.in, data.type) : 0, cut.floats());
  unsigned* const counters = arrivals(cut.arrivals());

  void* const gradient = const_cast<void*>(plain_gradient(op.dy, dy_memory, stream()));
  if (op.dw) {
    const void* const z = plain_feature(op.x, weight.in, z_memory, stream());
    vendor_->convolve(weight, {const_cast<void*>(z), filters, gradient}, workspace, stream());
    time_launch("cuDNN convolution", stream());
    with_storage(weight.type, [&, filters = filters](auto zero) {
      using T = decltype(zero);
      launch(read_filters<T>, {blocks_for(op.dw.size(), kThreads), kThreads}, stream(), reinterpret_cast<const T*>(filters),
             op.geometry.kernel * op.geometry.kernel, op.dw.dim(2), weight.in, weight.out, op.dw.data<float>());
    });
  }
  if (op.dx.requested()) {
    make_filters(op.w, data, filters, stream());
    vendor_->convolve(data, {dz, filters, gradient}, workspace, stream());
    time_launch("cuDNN convolution", stream());
    write_input_gradient(op.x, dz, data.in, op.dx, cut, parts, counters, stream());
  }
  return true;
}

}  // namespace mcnn::cuda
