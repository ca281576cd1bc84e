// EfficientNet's table and the arithmetic that scales it: from a name and a few numbers to the list of blocks.
// Sources: Tan & Le 2019 (arXiv 1905.11946) table 1; the TensorFlow authors' EfficientNet-Lite for lite0-4.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "layers/padding.h"

namespace mcnn {

struct EfficientNetSpec {
  std::string name = "b4";
  double width = 1.4, depth = 1.8;
  int classes = 1000;
  bool lite = false;  ///< no squeeze-excite, ReLU6, stem and head and the outer stages' depth unscaled
  Padding padding;
  float bn_eps = 1e-3f;
  float bn_momentum = 0.1f;
  bool frozen_norm = false;
  float dropout = 0.f;    ///< before the classifier
  float drop_path = 0.f;  ///< of the last block; block b of B drops with drop_path*b/B
  int resolution = 224;   ///< the published evaluation size, square
};

/// b0-b7, lite0-4 with their published multipliers, resolution and dropout. Throws Error naming the nearest name.
EfficientNetSpec efficientnet_spec(std::string_view name);

/// Of width and depth. The published ones lie between 1 and 3.1; what is beyond these bounds is a mistake, not a network.
inline constexpr double kLeastMultiplier = 0.01, kLargestMultiplier = 10;

struct BlockSpec {
  int stage = 0, index = 0;  ///< timm's blocks.<stage>.<index>
  int expand = 6, kernel = 3, stride = 1;
  int64_t in = 0, out = 0;
  int64_t squeezed = 0;  ///< squeeze-excite's hidden width; 0: none
  bool skip = false;
  std::string name() const { return "blocks." + std::to_string(stage) + "." + std::to_string(index); }
};

struct Architecture {
  int64_t stem = 32, head = 1280;
  std::vector<BlockSpec> blocks;
};

/// Throws Error if a multiplier is out of its bounds, before anything of that size is made.
Architecture scale(const EfficientNetSpec& spec);

}  // namespace mcnn
