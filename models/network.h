// A network is data: a list of layers, each with its name, shape, input and role. Each use of a network is one loop over this list:
// running it (model.h), its table (layer_table.h), its tensors (layer_tensors.h), names in files (weights/key_map.h), ONNX
// (weights/write_onnx.h), the benchmark's cases (bench/model_cases.h).
// Next: published_networks.h builds a network by its name; network_builder.h is the interface of the families.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/operations/squeeze_excite.h"
#include "layers/padding.h"

namespace mcnn {

enum class Family : uint8_t { efficientnet, efficientnet_lite, efficientnet_v2, mobilenet_v3 };

/// The properties of a network that a user, a configuration or a file states. published_networks.h has them by name.
struct NetworkSpec {
  std::string name = "b4";
  Family family = Family::efficientnet;
  double width = 1.4, depth = 1.8;  ///< multipliers of channels and of repeats
  int classes = 1000;
  Padding padding;
  float bn_eps = 1e-3f;
  float bn_momentum = 0.1f;
  bool frozen_norm = false;
  float dropout = 0.f;    ///< before the classifier
  float drop_path = 0.f;  ///< of the last block; block b of B drops with drop_path*b/B
  int resolution = 224;   ///< the published evaluation size, square
};

/// Bounds of width and depth. Published networks have 1 to 3.1; a number outside these bounds is a mistake.
inline constexpr double kLeastMultiplier = 0.01, kLargestMultiplier = 10;

enum class LayerKind : uint8_t {
  dense,           ///< k x k convolution over all channels, and its batch norm
  pointwise,       ///< 1x1 convolution, and its batch norm
  depthwise,       ///< k x k convolution of single channels, and its batch norm
  squeeze_excite,  ///< its input times a gate per sample and channel
  residual,        ///< the sum of its input, with drop-path, and of `skip`
  global_pool,     ///< mean over height and width
  dropout,
  linear,
};
const char* name_of(LayerKind kind);
bool is_convolution(LayerKind kind);

const char* name_of(Activation act);
const char* name_of(GateFunction gate);

/// A layer's part in its network. Those of blocks are expand to skip.
enum class Part : uint8_t { stem, expand, depthwise, squeeze_excite, project, skip, head, global_pool, head_linear, dropout, classifier };

struct Role {
  Part part = Part::stem;
  int stage = -1, index = 0;  ///< timm's blocks.<stage>.<index>. The stem is before stage 0, the head after the last stage
  int block = -1;             ///< counted over the network, from -1 for the stem
  int item = 0;               ///< counts the block's layers that have weights

  bool in_block() const { return part >= Part::expand && part <= Part::skip; }
  std::string block_name() const;  ///< "blocks.2.1"
};

inline constexpr int kImageInput = -1;

struct Layer {
  LayerKind kind = LayerKind::pointwise;
  std::string name;  ///< timm's, of the module with the weights: "blocks.2.1.conv_dw"; without weights, a name of this project
  std::string norm;  ///< of a convolution's batch norm: "blocks.2.1.bn2"
  Role role;
  int input = kImageInput;  ///< the layer that it reads
  int skip = kImageInput;   ///< residual: the layer whose output is added
  int64_t in = 0, out = 0;  ///< channels
  int kernel = 1, stride = 1;
  ConvPadding padding;
  Activation act = Activation::identity;      ///< of the output; readers apply it. squeeze-excite: of the hidden layer
  GateFunction gate = GateFunction::sigmoid;  ///< squeeze-excite
  int64_t hidden = 0;                         ///< squeeze-excite's width
  float rate = 0.f;                           ///< residual: drop-path's; dropout's
  bool weight_is_1x1 = false;                 ///< linear: files store its weight as a 1x1 convolution's, (O,I,1,1)
};

struct Network {
  NetworkSpec spec;
  std::string title;          ///< the published name in full: "efficientnet_b4"
  std::vector<Layer> layers;  ///< in the order of timm's state dict, each after the layers that it reads
};

/// Per layer, the layers that read it, in order.
std::vector<std::vector<int>> readers_of(const Network& network);

}  // namespace mcnn
