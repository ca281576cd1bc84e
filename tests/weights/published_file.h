// A file with the names and shapes of a published network's tensors, and no values.
#pragma once
#include "models/layer_tensors.h"
#include "models/published_networks.h"
#include "weights/key_map.h"

namespace mcnn {

inline std::vector<StoredTensor> published_tensors(const std::string& model, Naming naming, const std::string& prefix = "") {
  const Network network = build_network(network_spec(model));
  std::vector<StoredTensor> tensors;
  for (const NamePair& pair : key_map(network, naming)) tensors.push_back({prefix + pair.file, "F32", {}, {}});
  std::size_t i = 0;
  for (const Layer& layer : network.layers)
    for (const LayerTensor& t : tensors_of(layer)) tensors[i++].shape = t.shape;
  return tensors;
}

}  // namespace mcnn
