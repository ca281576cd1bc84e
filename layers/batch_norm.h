// Batch norm. It writes no feature map: the convolution computes scale and shift from its output's moments, and readers apply them.
// Next: kernels/operations/batch_norm.h has the formulas.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"

namespace mcnn {

struct BatchNormOptions {
  float eps = 1e-3f;
  float momentum = 0.1f;  ///< PyTorch's: running = (1-momentum)*running + momentum*batch
  bool frozen = false;    ///< uses the running statistics in training too
};

class BatchNorm {
 public:
  /// Adds name.weight, .bias, .running_mean and .running_var.
  BatchNorm(Parameters& parameters, const std::string& name, int64_t channels, BatchNormOptions options);

  bool uses_batch(const Context& ctx) const { return ctx.training && !options_.frozen; }
  /// Tensors for the moments of the convolution's output; absent if the running statistics are used.
  Moments moments(const Context& ctx) const;
  /// Sets the norm of y, and beta's and gamma's gradients as the sums of y's gradient. Returns the norm operand of y's convolution. If the
  /// running statistics are used, it is empty, and an operation that computes the norm from them is added.
  NormUpdate forward(const Context& ctx, Variable& y) const;

 private:
  NamedTensor &gamma_, &beta_, &running_mean_, &running_var_;
  BatchNormOptions options_;
};

}  // namespace mcnn
