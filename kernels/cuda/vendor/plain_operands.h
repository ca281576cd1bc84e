// Writes features and gradients out in the form that cuBLAS and cuDNN read: transformed, in scratch memory that is free again after the
// operation. A feature without norm, activation and gate is read where it is.
// Next: epilogues.h handles the libraries' results.
#pragma once
#include <cuda_runtime.h>

#include "kernels/feature.h"

namespace mcnn::cuda {

/// Scratch memory is measured in floats.
inline int64_t floats_for(std::size_t bytes) { return static_cast<int64_t>((bytes + sizeof(float) - 1) / sizeof(float)); }
inline int64_t floats_for(int64_t elements, DType type) { return floats_for(static_cast<std::size_t>(elements) * size_of(type)); }

/// z(x) = raw: no norm, activation or gate.
inline bool is_plain(const Feature& x) { return !x.norm.defined() && x.act == Activation::identity && !x.gate.defined(); }
/// Scratch floats of plain_feature for rows of `channels` >= C; 0 if it does not write.
int64_t plain_floats(const Feature& x, int64_t channels);
/// z(x) as (N,H,W,channels) of x's storage type, zeros from channel C on. Returns `memory`, or x.raw if that already is z.
const void* plain_feature(const Feature& x, int64_t channels, void* memory, cudaStream_t stream);

/// Scratch floats for dy, which is always written out.
int64_t plain_floats(const OutputGradient& dy);
/// Writes dy as (N,H,W,C) to `memory` and returns it.
const void* plain_gradient(const OutputGradient& dy, void* memory, cudaStream_t stream);

}  // namespace mcnn::cuda
