// Features and gradients as the libraries read them: written out, transformed, in scratch memory that is free again behind the
// operation. What is stored raw and read raw is its own plain form.
// Next: completion.h is the other side.
#pragma once
#include <cuda_runtime.h>

#include "kernels/feature.h"

namespace mcnn::cuda {

/// z(x) = raw: no norm, activation or gate.
inline bool is_plain(const Feature& x) { return !x.norm.defined() && x.act == Activation::identity && !x.gate.defined(); }
/// Bytes that plain_feature writes, rows of `channels` >= C.
std::size_t plain_bytes(const Feature& x, int64_t channels);
/// z(x) as (N,H,W,channels) of x's storage type, zeros from C on: in `memory`, or x's own where that is the same.
const void* plain_feature(const Feature& x, int64_t channels, void* memory, cudaStream_t stream);

/// Bytes of dy, whose plain form is always written.
inline std::size_t plain_bytes(const OutputGradient& dy) { return dy.of->raw.bytes(); }
/// dy as (N,H,W,C), in `memory`.
const void* plain_gradient(const OutputGradient& dy, void* memory, cudaStream_t stream);

}  // namespace mcnn::cuda
