// MBConv, the mobile inverted bottleneck with squeeze-excite. Sandler et al. 2018; Tan & Le 2019 (arXiv 1905.11946).
#pragma once
#include <optional>

#include "layers/conv_norm.h"
#include "layers/squeeze_excite.h"
#include "runtime/philox.h"

namespace mcnn {

struct MBConvOptions {
  std::string name;  ///< "blocks.2.1"
  int64_t in = 0, out = 0;
  int expand = 6;  ///< 1: no expand convolution, and timm's names of a depthwise-separable block
  int kernel = 3, stride = 1;
  int64_t squeezed = 0;  ///< squeeze-excite's hidden width; 0: none
  bool skip = false;
  float drop_path = 0.f;
  uint32_t index = 0;  ///< in the network: drop-path's random stream
  ConvPadding padding;
  Activation act = Activation::swish;
  BatchNormOptions norm;

  int64_t expanded() const { return in * expand; }
};

class MBConv {
 public:
  MBConv(Parameters& parameters, const MBConvOptions& options);
  /// x (N,H,W,in) -> (N,H',W',out)
  Var forward(const Context& ctx, const Var& x) const;

 private:
  Var residual(const Context& ctx, const Var& x, const Var& branch) const;

  MBConvOptions options_;
  std::optional<ConvNorm> expand_;
  ConvNorm depthwise_;
  std::optional<SqueezeExcite> squeeze_excite_;
  ConvNorm project_;
};

}  // namespace mcnn
