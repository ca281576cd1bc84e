// A network that runs: its layers with their tensors, run in order over a context.
// Next: layers/ has the forward and backward of each layer.
#pragma once
#include <variant>
#include <vector>

#include "layers/conv_norm.h"
#include "layers/cross_entropy.h"
#include "layers/linear.h"
#include "layers/squeeze_excite.h"
#include "models/published_networks.h"

namespace mcnn {

class Model {
 public:
  /// Adds the network's tensors, uninitialised, in the order of timm's state dict.
  Model(const NetworkSpec& spec, Parameters& parameters);
  Model(const Model&) = delete;  // closures on the tape point to the layers

  /// images (N,H,W,3), normalised -> logits (N,classes)
  Vectors forward(const Context& ctx, const Tensor& images) const;
  /// The output of a block, by its name ("blocks.6.0").
  Var features(const Context& ctx, const Tensor& images, const std::string& block) const;

  const NetworkSpec& spec() const { return network_.spec; }
  const Network& network() const { return network_; }

 private:
  struct Output {
    Var map;          ///< up to the pooling
    Vectors vectors;  ///< from there on
  };
  Output run(const Context& ctx, const Tensor& images, std::size_t count) const;

  Network network_;
  /// One per layer of the list; monostate if it has no tensors.
  std::vector<std::variant<std::monostate, ConvNorm, SqueezeExcite, Linear>> layers_;
};

}  // namespace mcnn
