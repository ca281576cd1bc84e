// What is known about the public EfficientNet and MobileNetV3 checkpoints, recognised by their tensor names and file names: timm's native
// and tf_ weights, torchvision's, EfficientNet-PyTorch's and its Lite fork's.
// Sources: timm 1.0.31 models/efficientnet.py and mobilenetv3.py (default_cfgs), torchvision 0.29 models/ (Weights),
// EfficientNet-PyTorch 7e8b0d3 (utils.py), tensorflow/tpu efficientnet (lite).
#pragma once
#include <string>

#include "weights/convention.h"

namespace mcnn {

/// Every field it returns is a guess; fields it knows nothing about are absent. `model` is the network if it is known
/// already, else "" and it is told by the tensors' widths, else by the file's name.
Convention published_convention(const TensorFile& file, const std::string& model);

}  // namespace mcnn
