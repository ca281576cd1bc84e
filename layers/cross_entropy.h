// The loss.
#pragma once
#include "layers/context.h"
#include "layers/vectors.h"

namespace mcnn {

/// Mean label-smoothing cross-entropy of logits (N,K); targets (N,K) are distributions. Returns the loss, (1).
Tensor cross_entropy(const Context& ctx, const Vectors& logits, const Tensor& targets, float smoothing);
/// The same, into a tensor of the caller.
void cross_entropy(const Context& ctx, const Vectors& logits, const Tensor& targets, float smoothing, const Tensor& loss);

}  // namespace mcnn
