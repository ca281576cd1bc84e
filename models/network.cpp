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

const char* name_of(Nonlinearity nonlinearity) {
  switch (nonlinearity) {
    case Nonlinearity::identity: return "identity";
    case Nonlinearity::swish: return "swish";
    case Nonlinearity::relu6: return "relu6";
    case Nonlinearity::relu: return "relu";
    case Nonlinearity::hard_swish: return "hard_swish";
    case Nonlinearity::sigmoid: return "sigmoid";
    case Nonlinearity::hard_sigmoid: return "hard_sigmoid";
  }
  return "";
}

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
