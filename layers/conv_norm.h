// A convolution with its batch norm and activation, the main layer of every EfficientNet.
// Forward writes the convolution's raw output and its statistics; readers of the result apply batch norm and activation.
// Next: kernels/operations/pointwise.h, depthwise.h and dense.h have the formulas.
#pragma once
#include "layers/batch_norm.h"
#include "layers/padding.h"

namespace mcnn {

struct ConvNormOptions {
  WeightKind kind = WeightKind::pointwise;  ///< pointwise, depthwise or dense
  int64_t in = 0, out = 0;
  int kernel = 1, stride = 1;
  ConvPadding padding;
  Activation act = Activation::identity;
  BatchNormOptions norm;
};

class ConvNorm {
 public:
  /// Adds conv_name.weight and the batch norm's four tensors.
  ConvNorm(Parameters& parameters, const std::string& conv_name, const std::string& norm_name, const ConvNormOptions& options);

  /// x (N,H,W,in) -> (N,H',W',out)
  Var forward(const Context& ctx, const Var& x) const;

 private:
  void backward(const Context& ctx, Variable& x, Variable& y) const;

  std::string name_;
  NamedTensor& weight_;
  BatchNorm norm_;
  ConvNormOptions options_;
};

}  // namespace mcnn
