// What the own kernels' epilogues do, for results that a library left in memory: the moments of a convolution's output, and the
// data gradient completed into what x's producer wants.
// Next: pointwise.cu and convolution.cu.
#pragma once
#include <cuda_runtime.h>

#include "kernels/feature.h"

namespace mcnn::cuda {

/// Bytes of scratch memory that take_moments works in; 0 where they are not wanted.
std::size_t moments_bytes(const Tensor& y, const Moments* moments);
/// Of y (N,H,W,C), if wanted.
void take_moments(const Tensor& y, Moments* moments, void* memory, cudaStream_t stream);

/// Bytes of scratch memory that complete_gradient works in; 0 where no sums are wanted.
std::size_t completion_bytes(const Feature& x, const InputGradient& dx);
/// dx from dz = dL/dz(x), (N,H,W,channels) of x's storage type, channels >= C: dx.stored itself, or memory of its own.
void complete_gradient(const Feature& x, const void* dz, int64_t channels, InputGradient& dx, void* memory, cudaStream_t stream);

}  // namespace mcnn::cuda
