// The epilogues of own kernels (kernels/cuda/epilogues.cuh) for results that cuBLAS or cuDNN wrote: take the moments of a convolution's
// output, and compute the InputGradient of x from dL/dz.
// Next: pointwise.cu and convolution.cu.
#pragma once
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/norm_targets.cuh"

namespace mcnn::cuda {

/// How the moments of y (N,H,W,C) are cut into parts: by samples and pixels, and tiles of channels.
struct MomentCut {
  int64_t parts = 0, tiles = 0, channels = 0;
  int64_t floats() const { return MomentParts::floats(parts, channels, tiles); }
  int64_t arrivals() const { return parts ? MomentParts::arrival_count(parts, tiles) : 0; }
};
/// No parts if no moments are requested.
MomentCut cut_moments(const Tensor& y, const MomentTargets& targets);
/// Does nothing if no moments are requested. memory: cut.floats(); arrivals: cut.arrivals() counters, all 0.
void take_moments(const Tensor& y, const MomentTargets& targets, const MomentCut& cut, float* memory, unsigned* arrivals,
                  cudaStream_t stream);

/// How write_input_gradient's sums are cut into parts. No parts if no sums are requested.
InputSumCut cut_gradient_sums(const Feature& x, const InputGradient& dx);
/// Computes dx from dz = dL/dz(x), (N,H,W,channels) of x's storage type, channels >= C. dz is dx.stored or does not overlap it.
void write_input_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, const InputSumCut& cut, float* memory,
                          unsigned* arrivals, cudaStream_t stream);

}  // namespace mcnn::cuda
