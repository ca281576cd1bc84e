// EfficientNetV2's table. Source: Tan & Le 2021 (arXiv 2104.00298) table 4, and its authors' efficientnetv2_configs.py (v2_s_block).
// In stage 0 a block is one convolution, with its activation before the sum of the skip.
#include "models/families.h"
#include "models/network_builder.h"

namespace mcnn {
namespace {

using enum BlockType;
using enum Activation;
constexpr Blocks kSmall[] = {
    // type expand k  s  out repeats act   squeeze-excite
    {plain, 1, 3, 1, 24, 2, swish, false},    {fused, 4, 3, 2, 48, 4, swish, false},    {fused, 4, 3, 2, 64, 4, swish, false},
    {inverted, 4, 3, 2, 128, 6, swish, true}, {inverted, 6, 3, 1, 160, 9, swish, true}, {inverted, 6, 3, 2, 256, 15, swish, true}};

}  // namespace

Network build_efficientnet_v2(const NetworkSpec& spec) {
  NetworkBuilder network(spec, spec.name);
  network.stem(network.scaled_width(24), swish);
  for (Blocks blocks : kSmall) {
    blocks.repeats = network.scaled_depth(blocks.repeats);
    network.stage({blocks});
  }
  network.head(network.scaled_width(1280), swish);
  network.pool();
  network.classifier();
  return network.finish();
}

}  // namespace mcnn
