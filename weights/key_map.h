// The three public ways to name an EfficientNet's tensors, and the translation between timm's (the engine's own) and them.
//                timm                              torchvision                     EfficientNet-PyTorch, its Lite fork
//   expand       blocks.s.i.conv_pw, bn1           features.(s+1).i.block.0.0, .1  _blocks.g._expand_conv, _bn0
//   depthwise    blocks.s.i.conv_dw, bn2           ..block.1.0, .1                 .._depthwise_conv, _bn1
//   project      blocks.s.i.conv_pwl, bn3          ..block.3.0, .1                 .._project_conv, _bn2
// torchvision's MobileNetV3 counts its features by block: features.(g+1).block. EfficientNet-PyTorch names no other family's.
// Trap: in a block without expansion (stage 0) timm calls the depthwise norm bn1 and the projection conv_pw, bn2
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
/// From name_of's spelling. Throws Error with the nearest.
Naming parse_naming(std::string_view text);

struct NamePair {
  std::string timm;
  std::string file;
  std::vector<int64_t> shape;  ///< in the file
};

/// Whether the naming has names for networks of the family.
bool names(Naming naming, Family family);

/// Every entry of the network's state dict, num_batches_tracked included, in the order of timm's.
/// Throws Error for a network that the naming does not know.
std::vector<NamePair> key_map(const Network& network, Naming naming);

/// (O,I) and (O,I,1,1) hold the same values in the same order; files have been seen with either for 1x1 weights.
bool same_values(const std::vector<int64_t>& found, const std::vector<int64_t>& wanted);

/// Without the prefixes that wrappers put in front: module. (DataParallel), _orig_mod. (torch.compile), and the names under which
/// training loops (Lightning's) keep a network: model., net., network., backbone., encoder.; in any order.
std::string_view strip_prefixes(std::string_view name);

/// The naming most of the file's tensors follow; nothing if none of the three is recognised.
std::optional<Naming> detect_naming(const TensorFile& file);

/// The published network whose names and widths the file has; nothing if it is none of them.
std::optional<std::string> detect_model(const TensorFile& file, Naming naming);

}  // namespace mcnn
