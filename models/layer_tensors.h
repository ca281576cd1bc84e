// The tensors of a layer as PyTorch's state dict has them, by timm's names.
#pragma once
#include <string>
#include <vector>

#include "layers/parameters.h"
#include "models/network.h"

namespace mcnn {

/// The modules that a layer's tensors are in: a convolution has weight and norm, squeeze-excite reduce and expand, linear weight.
enum class Module : uint8_t { weight, norm, reduce, expand };

struct LayerTensor {
  Module module;
  const char* entry;  ///< "weight", "running_mean"
  std::vector<int64_t> shape;
  bool trained() const;  ///< false: a running statistic
};

/// In the order of the state dict, num_batches_tracked included.
std::vector<LayerTensor> tensors_of(const Layer& layer);

/// The order of axes of the layer's weight in the engine.
WeightKind weight_kind(const Layer& layer);

/// timm's: "blocks.2.1.se.conv_reduce".
std::string module_name(const Layer& layer, Module module);

/// Adds and allocates the tensors that Model (models/model.h) adds, for code that does not run the network. Uninitialised.
void add_tensors(const Network& network, Parameters& parameters);

}  // namespace mcnn
