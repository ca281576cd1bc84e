// The three public ways to name an EfficientNet's tensors, and the translation of the other two to timm's, which the engine uses.
//                timm                              torchvision                     EfficientNet-PyTorch, its Lite fork
//   expand       blocks.s.i.conv_pw, bn1           features.(s+1).i.block.0.0, .1  _blocks.g._expand_conv, _bn0
//   depthwise    blocks.s.i.conv_dw, bn2           ..block.1.0, .1                 .._depthwise_conv, _bn1
//   project      blocks.s.i.conv_pwl, bn3          ..block.3.0, .1                 .._project_conv, _bn2
// s: stage, i: block in its stage, g: block in the network. torchvision's MobileNetV3 counts features by block: features.(g+1).block.
// EfficientNet-PyTorch has EfficientNets only.
// Note that in a block without expansion (stage 0) timm calls the depthwise norm bn1, and the projection conv_pw with bn2
// (models/network_builder.h decides timm's names).
// Next: load.h uses it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensor_file.h"
#include "models/published_networks.h"

namespace mcnn {

enum class Naming { timm, torchvision, efficientnet_pytorch };
const char* name_of(Naming naming);
/// Parses name_of()'s spelling. Throws Error with the nearest name.
Naming parse_naming(std::string_view text);

struct NamePair {
  std::string timm;
  std::string file;
  std::vector<int64_t> shape;  ///< in the file
};

/// Whether the naming covers networks of this family.
bool names(Naming naming, Family family);

/// Every entry of the network's state dict, num_batches_tracked included, in timm's order.
/// Throws Error if the naming does not cover the network.
std::vector<NamePair> key_map(const Network& network, Naming naming);

/// Whether the shapes are equal up to trailing axes of length 1. Files store 1x1 weights as (O,I) or (O,I,1,1), with the same values in
/// the same order.
bool same_values(const std::vector<int64_t>& found, const std::vector<int64_t>& expected);

/// Removes prefixes that wrappers add, in any order: module. (DataParallel), _orig_mod. (torch.compile), and names under which training
/// loops (Lightning's) keep a network: model., net., network., backbone., encoder.
std::string_view strip_prefixes(std::string_view name);

/// The naming that most of the file's tensors follow; nullopt if none is recognised.
std::optional<Naming> detect_naming(const TensorFile& file);

/// The published network that has the file's names and widths; nullopt if there is none.
std::optional<std::string> detect_model(const TensorFile& file, Naming naming);

}  // namespace mcnn
