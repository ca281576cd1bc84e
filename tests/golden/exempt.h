// Gradients that are zero in exact arithmetic: the beta of a linear batch norm whose only readers are 1x1 convolutions
// followed by a batch norm, which subtracts any constant again. What is left of them is rounding noise, which AdamW blows
// up to whole steps, so the betas and the running means they reach agree only to a few learning rates.
#pragma once
#include <algorithm>
#include <set>
#include <string>

#include "models/network.h"

namespace mcnn {

struct Exempt {
  std::set<std::string> betas, means;
};

/// The convolutions that read a layer, also through the sums that it goes into.
inline std::vector<const Layer*> convolutions_behind(const Network& network, const std::vector<std::vector<int>>& readers, int layer) {
  std::vector<const Layer*> found;
  for (const int r : readers[layer]) {
    const Layer& reader = network.layers[r];
    if (is_convolution(reader.kind)) found.push_back(&reader);
    if (reader.kind != LayerKind::residual) continue;
    const auto behind = convolutions_behind(network, readers, r);
    found.insert(found.end(), behind.begin(), behind.end());
  }
  return found;
}

inline Exempt exempt_tensors(const Network& network) {
  Exempt exempt;
  const auto readers = readers_of(network);
  for (int i = 0; const Layer& layer : network.layers) {
    const auto behind = convolutions_behind(network, readers, i++);
    if (layer.role.part != Part::project || layer.act != Activation::identity) continue;
    // A depthwise convolution's padding makes a constant visible.
    if (std::any_of(behind.begin(), behind.end(), [](const Layer* l) { return l->kind != LayerKind::pointwise; })) continue;
    exempt.betas.insert(layer.norm + ".bias");
    for (const Layer* l : behind) exempt.means.insert(l->norm + ".running_mean");
  }
  return exempt;
}

}  // namespace mcnn
