// A convolution and the batch norm and activation that follow it: the unit every EfficientNet is made of.
// Forward writes the convolution's raw output and its statistics; whoever reads the result normalises and activates it.
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
