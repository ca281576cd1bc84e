// The published conventions of public EfficientNet and MobileNetV3 checkpoints: timm's native and tf_ weights, torchvision's,
// EfficientNet-PyTorch's and its Lite fork's. Checkpoints are recognised by their tensor names and file names.
// Sources: timm 1.0.31 models/efficientnet.py and mobilenetv3.py (default_cfgs), torchvision 0.29 models/ (Weights),
// EfficientNet-PyTorch 7e8b0d3 (utils.py), tensorflow/tpu efficientnet (lite).
#pragma once
#include <string>

#include "weights/convention.h"

namespace mcnn {

/// Every field is marked as a guess; fields without published values are absent. `model` is the network's name; if it is "", the network
/// is recognised by the tensors' shapes, else by the file's name.
Convention published_convention(const TensorFile& file, const std::string& model);

}  // namespace mcnn
