// Squeeze-excite: a gate per sample and channel from the feature's spatial mean. It changes no feature map: the gate
// becomes part of how the feature is read.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"

namespace mcnn {

class SqueezeExcite {
 public:
  /// Adds name.conv_reduce and name.conv_expand, weight and bias.
  SqueezeExcite(Parameters& parameters, const std::string& name, int64_t channels, int64_t squeezed);
  /// Sets x's gate.
  void forward(const Context& ctx, const Var& x) const;

 private:
  std::string name_;
  NamedTensor &w1_, &b1_, &w2_, &b2_;
};

}  // namespace mcnn
