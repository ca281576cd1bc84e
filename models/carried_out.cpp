#include "models/carried_out.h"

#include "runtime/error.h"

namespace mcnn {
namespace {

[[noreturn]] void refuse(const Network& network, const Layer& layer, std::string_view what) {
  fail("{}: {}: {} is not carried out by this build yet", network.title, layer.name, what);
}

}  // namespace

Activation activation_of(const Network& network, const Layer& layer) {
  switch (layer.act) {
    case Nonlinearity::identity: return Activation::identity;
    case Nonlinearity::swish: return Activation::swish;
    case Nonlinearity::relu6: return Activation::relu6;
    default: refuse(network, layer, name_of(layer.act));
  }
}

void require_carried_out(const Network& network) {
  const auto kind_read = [&](const Layer& layer) {
    return layer.input == kImageInput ? LayerKind::dense : network.layers[layer.input].kind;
  };
  for (const Layer& layer : network.layers) {
    activation_of(network, layer);
    if (layer.kind == LayerKind::squeeze_excite) {
      if (layer.act != Nonlinearity::swish) refuse(network, layer, name_of(layer.act));
      if (layer.gate != Nonlinearity::sigmoid) refuse(network, layer, name_of(layer.gate));
    }
    if (layer.kind == LayerKind::residual && network.layers[layer.input].act != Nonlinearity::identity)
      refuse(network, layer, "the sum with an activated branch");
    // layers/head.h does the three in one.
    if (layer.kind == LayerKind::dropout && kind_read(layer) != LayerKind::global_pool) refuse(network, layer, "dropout here");
    if (layer.kind == LayerKind::linear && kind_read(layer) != LayerKind::dropout) refuse(network, layer, "a linear layer here");
  }
}

}  // namespace mcnn
