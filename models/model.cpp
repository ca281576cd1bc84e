#include "models/model.h"

#include "layers/dropout.h"
#include "layers/global_pool.h"
#include "layers/residual.h"
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
          .act = layer.act,
          .norm = {network.spec.bn_eps, network.spec.bn_momentum, network.spec.frozen_norm}};
}

}  // namespace

Model::Model(const NetworkSpec& spec, Parameters& parameters) : network_(build_network(spec)) {
  layers_.reserve(network_.layers.size());  // closures point to them
  for (const Layer& layer : network_.layers) {
    if (is_convolution(layer.kind))
      layers_.emplace_back(std::in_place_type<ConvNorm>, parameters, layer.name, layer.norm, conv_norm_options(network_, layer));
    else if (layer.kind == LayerKind::squeeze_excite)
      layers_.emplace_back(std::in_place_type<SqueezeExcite>, parameters, layer.name,
                           SqueezeExciteOptions{layer.in, layer.hidden, layer.act, layer.gate});
    else if (layer.kind == LayerKind::linear)
      layers_.emplace_back(std::in_place_type<Linear>, parameters, layer.name,
                           LinearOptions{weight_kind(layer), layer.in, layer.out, layer.act});
    else
      layers_.emplace_back();
  }
  parameters.allocate();
}

/// The output of layer count - 1. Runs the first `count` layers.
Model::Output Model::run(const Context& ctx, const Tensor& images, std::size_t count) const {
  const auto image = std::make_shared<Variable>(Feature{.raw = images});
  image->requires_gradient = false;
  std::vector<Output> outputs(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Layer& layer = network_.layers[i];
    const Output x = layer.input == kImageInput ? Output{image, {}} : outputs[layer.input];
    Output& y = outputs[i];
    switch (layer.kind) {
      case LayerKind::dense:
      case LayerKind::pointwise:
      case LayerKind::depthwise: y.map = std::get<ConvNorm>(layers_[i]).forward(ctx, x.map); break;
      case LayerKind::squeeze_excite:
        std::get<SqueezeExcite>(layers_[i]).forward(ctx, x.map);  // later readers of x apply its gate
        y = x;
        break;
      case LayerKind::residual:
        y.map = residual(ctx, layer.name, layer.rate, static_cast<uint32_t>(layer.role.block), outputs[layer.skip].map, x.map);
        break;
      case LayerKind::global_pool: y.vectors = global_pool(ctx, layer.name, x.map); break;
      case LayerKind::dropout: y.vectors = dropout(ctx, layer.name, layer.rate, x.vectors); break;
      case LayerKind::linear: y.vectors = std::get<Linear>(layers_[i]).forward(ctx, x.vectors); break;
    }
  }
  return outputs.back();
}

Var Model::features(const Context& ctx, const Tensor& images, const std::string& block) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < network_.layers.size(); ++i)
    if (network_.layers[i].role.in_block() && network_.layers[i].role.block_name() == block) count = i + 1;
  if (count == 0) fail("{} has no block '{}'", network_.title, block);
  return run(ctx, images, count).map;
}

Vectors Model::forward(const Context& ctx, const Tensor& images) const { return run(ctx, images, network_.layers.size()).vectors; }

}  // namespace mcnn
