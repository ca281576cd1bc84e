// Features and gradients as the libraries read them: written out, transformed, in scratch memory that is free again behind the
// operation. What is stored raw and read raw is its own plain form.
// Next: completion.h is the other side.
#pragma once
#include <cuda_runtime.h>

#include "kernels/feature.h"

namespace mcnn::cuda {

/// Scratch memory is measured in floats.
inline int64_t floats_for(std::size_t bytes) { return static_cast<int64_t>((bytes + sizeof(float) - 1) / sizeof(float)); }
inline int64_t floats_for(int64_t elements, DType type) { return floats_for(static_cast<std::size_t>(elements) * size_of(type)); }

/// z(x) = raw: no norm, activation or gate.
inline bool is_plain(const Feature& x) { return !x.norm.defined() && x.act == Activation::identity && !x.gate.defined(); }
/// Floats' room for what plain_feature writes, rows of `channels` >= C.
int64_t plain_floats(const Feature& x, int64_t channels);
/// z(x) as (N,H,W,channels) of x's storage type, zeros from C on: in `memory`, or x's own where that is the same.
const void* plain_feature(const Feature& x, int64_t channels, void* memory, cudaStream_t stream);

/// Floats' room for dy, whose plain form is always written.
int64_t plain_floats(const OutputGradient& dy);
/// dy as (N,H,W,C), in `memory`.
const void* plain_gradient(const OutputGradient& dy, void* memory, cudaStream_t stream);

}  // namespace mcnn::cuda
