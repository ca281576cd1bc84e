#include "models/model.h"

#include "layers/residual.h"
#include "models/carried_out.h"
#include "models/layer_tensors.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

ConvNormOptions conv_norm_options(const Network& network, const Layer& layer) {
  return {.kind = weight_kind(layer),
          .in = layer.in,
          .out = layer.out,
          .kernel = layer.kernel,
          .stride = layer.stride,
          .padding = layer.padding,
          .act = activation_of(network, layer),
          .norm = {network.spec.bn_eps, network.spec.bn_momentum, network.spec.frozen_norm}};
}

}  // namespace

Model::Model(const NetworkSpec& spec, Parameters& parameters) : network_(build_network(spec)) {
  require_carried_out(network_);
  layers_.reserve(network_.layers.size());  // closures point to them
  for (const Layer& layer : network_.layers) {
    if (is_convolution(layer.kind))
      layers_.emplace_back(std::in_place_type<ConvNorm>, parameters, layer.name, layer.norm, conv_norm_options(network_, layer));
    else if (layer.kind == LayerKind::squeeze_excite)
      layers_.emplace_back(std::in_place_type<SqueezeExcite>, parameters, layer.name, layer.in, layer.hidden);
    else if (layer.kind == LayerKind::linear)
      layers_.emplace_back(std::in_place_type<Head>, parameters, layer.in, layer.out, network_.layers[layer.input].rate);
    else
      layers_.emplace_back();
  }
  parameters.allocate();
}

/// The output of the last of the first `count` layers.
Var Model::run(const Context& ctx, const Tensor& images, std::size_t count) const {
  const auto image = std::make_shared<Variable>(Feature{.raw = images});
  image->wants_gradient = false;
  std::vector<Var> outputs(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Layer& layer = network_.layers[i];
    const Var x = layer.input == kImageInput ? image : outputs[layer.input];
    if (const auto* conv_norm = std::get_if<ConvNorm>(&layers_[i])) {
      outputs[i] = conv_norm->forward(ctx, x);
    } else if (const auto* squeeze_excite = std::get_if<SqueezeExcite>(&layers_[i])) {
      squeeze_excite->forward(ctx, x);  // from now on x is read through its gate
      outputs[i] = x;
    } else if (layer.kind == LayerKind::residual) {
      outputs[i] = residual(ctx, layer.name, layer.rate, static_cast<uint32_t>(layer.role.block), outputs[layer.skip], x);
    } else {
      outputs[i] = x;
    }
  }
  return outputs.back();
}

Var Model::features(const Context& ctx, const Tensor& images, const std::string& block) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < network_.layers.size(); ++i)
    if (network_.layers[i].role.in_block() && network_.layers[i].role.block_name() == block) count = i + 1;
  if (count == 0) fail("{} has no block '{}'", network_.title, block);
  return run(ctx, images, count);
}

Logits Model::forward(const Context& ctx, const Tensor& images) const {
  const std::size_t classifier = network_.layers.size() - 1;
  return std::get<Head>(layers_[classifier]).forward(ctx, run(ctx, images, classifier));
}

}  // namespace mcnn
