// Squeeze-excite: a gate per sample and channel from the feature's spatial mean. It writes no feature map: readers of the feature apply
// the gate.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"

namespace mcnn {

struct SqueezeExciteOptions {
  int64_t channels = 0, squeezed = 0;
  Activation act = Activation::swish;  ///< of the squeezed layer
  GateFunction gate = GateFunction::sigmoid;
};

class SqueezeExcite {
 public:
  /// Adds name.conv_reduce and name.conv_expand, weight and bias.
  SqueezeExcite(Parameters& parameters, const std::string& name, const SqueezeExciteOptions& options);
  /// Sets x's gate.
  void forward(const Context& ctx, const Var& x) const;

 private:
  std::string name_;
  NamedTensor &w1_, &b1_, &w2_, &b2_;
  Activation act_;
  GateFunction function_;
};

}  // namespace mcnn
