// A file with the names and shapes of a published network's tensors, and no values.
#pragma once
#include "models/published_networks.h"
#include "weights/key_map.h"

namespace mcnn {

inline std::vector<StoredTensor> published_tensors(const std::string& model, Naming naming, const std::string& prefix = "") {
  std::vector<StoredTensor> tensors;
  for (const NamePair& pair : key_map(build_network(network_spec(model)), naming))
    tensors.push_back({prefix + pair.file, "F32", pair.shape, {}});
  return tensors;
}

}  // namespace mcnn
