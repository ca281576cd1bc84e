// MobileNetV3-Large's table. Source: Howard et al. 2019 (arXiv 1905.02244) table 1. The last two layers are linear layers after the
// pooling.
#include "models/families.h"
#include "models/network_builder.h"

namespace mcnn {
namespace {

using enum BlockType;
using enum Activation;
const std::vector<std::vector<Blocks>> kLarge = {
    // type expand k  s  out repeats act  squeeze-excite
    {{separable, 1, 3, 1, 16, 1, relu, false}},
    {{inverted, 4, 3, 2, 24, 1, relu, false}, {inverted, 3, 3, 1, 24, 1, relu, false}},
    {{inverted, 3, 5, 2, 40, 3, relu, true}},
    {{inverted, 6, 3, 2, 80, 1, hard_swish, false},
     {inverted, 2.5, 3, 1, 80, 1, hard_swish, false},
     {inverted, 2.3, 3, 1, 80, 2, hard_swish, false}},
    {{inverted, 6, 3, 1, 112, 2, hard_swish, true}},
    {{inverted, 6, 5, 2, 160, 3, hard_swish, true}}};

}  // namespace

Network build_mobilenet_v3(const NetworkSpec& spec) {
  NetworkBuilder network(spec, spec.name, {.of_expanded = true, .act = relu, .gate = GateFunction::hard_sigmoid});
  network.stem(network.scaled_width(16), hard_swish);
  for (std::vector<Blocks> stage : kLarge) {
    for (Blocks& blocks : stage) blocks.repeats = network.scaled_depth(blocks.repeats);
    network.stage(stage);
  }
  network.head_block(network.scaled_width(960), hard_swish);
  network.pool();
  network.head_linear(network.scaled_width(1280), hard_swish);
  network.classifier();
  return network.finish();
}

}  // namespace mcnn
