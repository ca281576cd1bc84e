// Batch norm never touches its feature map: the sums that its convolution takes are turned into the four vectors that readers need.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"

namespace mcnn {

struct BatchNormOptions {
  float eps = 1e-3f;
  float momentum = 0.1f;  ///< PyTorch's: running = (1-momentum)*running + momentum*batch
  bool frozen = false;    ///< running statistics in training too
};

class BatchNorm {
 public:
  /// Adds name.weight, .bias, .running_mean and .running_var.
  BatchNorm(Parameters& parameters, const std::string& name, int64_t channels, BatchNormOptions options);

  bool uses_batch(const Context& ctx) const { return ctx.training && !options_.frozen; }
  /// Tensors for the convolution's sums; absent where the running statistics are used.
  Moments moments(const Context& ctx) const;
  /// Gives y its norm, and its gradient the tensors of beta's and gamma's. Returns what y's convolution is to make of its moments; where
  /// the running statistics are used that is nothing, and the norm is made of them.
  NormUpdate forward(const Context& ctx, Variable& y) const;

 private:
  NamedTensor &gamma_, &beta_, &running_mean_, &running_var_;
  BatchNormOptions options_;
};

}  // namespace mcnn
