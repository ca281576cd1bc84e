// EfficientNet's table. Sources: Tan & Le 2019 (arXiv 1905.11946) table 1; the TensorFlow authors' EfficientNet-Lite for lite0-4:
// no squeeze-excite, ReLU6, stem and head and the outer stages' depth unscaled.
#include <array>

#include "models/families.h"
#include "models/network_builder.h"

namespace mcnn {
namespace {

using enum BlockType;
//                                        type  expand  k  s  out repeats
constexpr std::array<Blocks, 7> kStages{{{separable, 1, 3, 1, 16, 1},
                                         {inverted, 6, 3, 2, 24, 2},
                                         {inverted, 6, 5, 2, 40, 2},
                                         {inverted, 6, 3, 2, 80, 3},
                                         {inverted, 6, 5, 1, 112, 3},
                                         {inverted, 6, 5, 2, 192, 4},
                                         {inverted, 6, 3, 1, 320, 1}}};

}  // namespace

Network build_efficientnet(const NetworkSpec& spec) {
  const bool lite = spec.family == Family::efficientnet_lite;
  const Activation act = lite ? Activation::relu6 : Activation::swish;
  NetworkBuilder network(spec, "efficientnet_" + spec.name);
  network.stem(lite ? 32 : network.scaled_width(32), act);
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    Blocks blocks = kStages[s];
    const bool outer = s == 0 || s + 1 == kStages.size();
    if (!(lite && outer)) blocks.repeats = network.scaled_depth(blocks.repeats);
    blocks.act = act;
    blocks.squeeze_excite = !lite;
    network.stage({blocks});
  }
  network.head(lite ? 1280 : network.scaled_width(1280), act);
  network.pool();
  network.classifier();
  return network.finish();
}

}  // namespace mcnn
