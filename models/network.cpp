#include "models/network.h"

#include <fmt/format.h>

namespace mcnn {

const char* name_of(LayerKind kind) {
  switch (kind) {
    case LayerKind::dense: return "dense";
    case LayerKind::pointwise: return "pointwise";
    case LayerKind::depthwise: return "depthwise";
    case LayerKind::squeeze_excite: return "squeeze-excite";
    case LayerKind::residual: return "residual";
    case LayerKind::global_pool: return "global-pool";
    case LayerKind::dropout: return "dropout";
    case LayerKind::linear: return "linear";
  }
  return "";
}

bool is_convolution(LayerKind kind) { return kind == LayerKind::dense || kind == LayerKind::pointwise || kind == LayerKind::depthwise; }

const char* name_of(Activation act) {
  switch (act) {
    case Activation::identity: return "identity";
    case Activation::swish: return "swish";
    case Activation::relu6: return "relu6";
    case Activation::relu: return "relu";
    case Activation::hard_swish: return "hard_swish";
  }
  return "";
}

const char* name_of(GateFunction gate) { return gate == GateFunction::sigmoid ? "sigmoid" : "hard_sigmoid"; }

std::string Role::block_name() const { return fmt::format("blocks.{}.{}", stage, index); }

std::vector<std::vector<int>> readers_of(const Network& network) {
  std::vector<std::vector<int>> readers(network.layers.size());
  for (int i = 0; const Layer& layer : network.layers) {
    if (layer.input != kImageInput) readers[layer.input].push_back(i);
    if (layer.kind == LayerKind::residual && layer.skip != kImageInput) readers[layer.skip].push_back(i);
    ++i;
  }
  return readers;
}

}  // namespace mcnn
