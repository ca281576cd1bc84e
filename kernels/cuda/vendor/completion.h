// What the own kernels' epilogues do, for results that a library left in memory: the moments of a convolution's output, and the
// data gradient completed into what x's producer wants.
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
/// No parts where no moments are wanted.
MomentCut cut_moments(const Tensor& y, const MomentTargets& targets);
/// If wanted. memory: the cut's floats; tickets: its counters.
void take_moments(const Tensor& y, const MomentTargets& targets, const MomentCut& cut, float* memory, unsigned* tickets,
                  cudaStream_t stream);

/// How complete_gradient's sums are cut into parts; dx null: there are none.
InputSumCut cut_completion(const Feature& x, const InputGradient& dx);
/// dx from dz = dL/dz(x), (N,H,W,channels) of x's storage type, channels >= C: dx.stored itself, or memory of its own.
void complete_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, const InputSumCut& cut, float* memory,
                       unsigned* tickets, cudaStream_t stream);

}  // namespace mcnn::cuda
