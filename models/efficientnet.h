// EfficientNet: stem, MBConv blocks, head, built from the layers by the table in architecture.h.
#pragma once
#include <vector>

#include "layers/head.h"
#include "layers/mbconv.h"
#include "models/architecture.h"

namespace mcnn {

class EfficientNet {
 public:
  /// Adds the network's tensors, uninitialised, in the order of timm's state dict.
  EfficientNet(const EfficientNetSpec& spec, Parameters& parameters);
  EfficientNet(const EfficientNet&) = delete;  // closures on the tape point to the layers

  /// images (N,H,W,3), normalised -> logits (N,classes)
  Logits forward(const Context& ctx, const Tensor& images) const;
  /// The output of block `name` ("blocks.6.0"), or of the last one.
  Var features(const Context& ctx, const Tensor& images, const std::string& name = "") const;

  const EfficientNetSpec& spec() const { return spec_; }
  const Architecture& architecture() const { return architecture_; }

 private:
  EfficientNetSpec spec_;
  Architecture architecture_;
  ConvNorm stem_;
  std::vector<MBConv> blocks_;
  ConvNorm head_conv_;
  Head head_;
};

}  // namespace mcnn
