// A linear layer over vectors: the classifier, and MobileNetV3's layer before it.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"
#include "layers/vectors.h"

namespace mcnn {

struct LinearOptions {
  WeightKind kind = WeightKind::linear;  ///< linear; pointwise if files store the weight of a 1x1 convolution
  int64_t in = 0, out = 0;
  Activation act = Activation::identity;  ///< of the output
};

class Linear {
 public:
  /// Adds name.weight and .bias.
  Linear(Parameters& parameters, const std::string& name, const LinearOptions& options);
  /// x (N,in) -> (N,out)
  Vectors forward(const Context& ctx, const Vectors& x) const;

 private:
  std::string name_;
  NamedTensor &weight_, &bias_;
  Activation act_;
};

}  // namespace mcnn
