// What own kernels do in their epilogues, for results that cuBLAS or cuDNN wrote: takes the moments of a convolution's output, and
// turns dL/dz of x into the InputGradient that x's producer reads.
// Next: pointwise.cu and convolution.cu.
#pragma once
#include "kernels/cuda/input_gradient.cuh"
#include "kernels/cuda/norm_targets.cuh"

namespace mcnn::cuda {

/// How the moments of y (N,H,W,C) are cut into parts: by samples and pixels, and tiles of channels.
struct MomentCut {
  int64_t parts = 0, tiles = 0, channels = 0;
  int64_t floats() const { return MomentParts::floats(parts, channels, tiles); }
  int64_t tickets() const { return parts ? MomentParts::ticket_count(parts, tiles) : 0; }
};
/// No parts if no moments are requested.
MomentCut cut_moments(const Tensor& y, const MomentTargets& targets);
/// Does nothing if no moments are requested. memory: cut.floats(); tickets: cut.tickets() counters, all 0.
void take_moments(const Tensor& y, const MomentTargets& targets, const MomentCut& cut, float* memory, unsigned* tickets,
                  cudaStream_t stream);

/// How complete_gradient's sums are cut into parts; none if dx is not requested.
InputSumCut cut_completion(const Feature& x, const InputGradient& dx);
/// Computes dx from dz = dL/dz(x), (N,H,W,channels) of x's storage type, channels >= C. dz is dx.stored or does not overlap it.
void complete_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, const InputSumCut& cut, float* memory,
                       unsigned* tickets, cudaStream_t stream);

}  // namespace mcnn::cuda
