// One function per naming maps a layer to its name; key_map() and detect_model() walk a network's layers with it.
// Contract: key_map.h.  Next: load.cpp.
#include "weights/key_map.h"

#include <algorithm>
#include <unordered_map>

#include "models/layer_tensors.h"
#include "models/published_networks.h"
#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

/// torchvision lists the features of an EfficientNet by stage, those of MobileNetV3 by block.
std::string torchvision_name(Family family, const Layer& layer, Module module) {
  const bool by_block = family == Family::mobilenet_v3;
  const Role& r = layer.role;
  if (r.part == Part::head_linear) return "classifier.0";
  if (r.part == Part::classifier) return by_block ? "classifier.3" : "classifier.1";  // after head_linear, its activation and dropout
  const std::string feature = fmt::format("features.{}", (by_block ? r.block : r.stage) + 1);
  if (!r.in_block()) return feature + (module == Module::norm ? ".1" : ".0");
  // A block's layers are numbered in order.
  const std::string item = fmt::format("{}.block.{}", by_block ? feature : fmt::format("{}.{}", feature, r.index), r.item);
  switch (module) {
    case Module::weight: return item + ".0";
    case Module::norm: return item + ".1";
    case Module::reduce: return item + ".fc1";
    case Module::expand: return item + ".fc2";
  }
  return "";
}

std::string efficientnet_pytorch_name(const Layer& layer, Module module) {
  const bool norm = module == Module::norm;
  const std::string block = fmt::format("_blocks.{}.", layer.role.block);
  switch (layer.role.part) {
    case Part::stem: return norm ? "_bn0" : "_conv_stem";
    case Part::expand: return block + (norm ? "_bn0" : "_expand_conv");
    case Part::depthwise: return block + (norm ? "_bn1" : "_depthwise_conv");
    case Part::squeeze_excite: return block + (module == Module::reduce ? "_se_reduce" : "_se_expand");
    case Part::project: return block + (norm ? "_bn2" : "_project_conv");
    case Part::head: return norm ? "_bn1" : "_conv_head";
    case Part::classifier: return "_fc";
    default: return "";  // a part without tensors
  }
}

std::string name_in_file(Naming naming, Family family, const Layer& layer, Module module) {
  switch (naming) {
    case Naming::timm: return module_name(layer, module);
    case Naming::torchvision: return torchvision_name(family, layer, module);
    case Naming::efficientnet_pytorch: return efficientnet_pytorch_name(layer, module);
  }
  return "";
}

/// Whether a name can only come from this naming.
bool follows(Naming naming, std::string_view name) {
  const auto digit = [&](std::size_t i) { return i < name.size() && name[i] >= '0' && name[i] <= '9'; };
  switch (naming) {
    case Naming::timm: return name.starts_with("conv_stem.") || name.starts_with("conv_head.") || (name.starts_with("blocks.") && digit(7));
    case Naming::torchvision: return name.starts_with("features.") && digit(9);
    case Naming::efficientnet_pytorch:
      return name.starts_with("_conv_stem.") || name.starts_with("_conv_head.") || (name.starts_with("_blocks.") && digit(8));
  }
  return false;
}

}  // namespace

const char* name_of(Naming naming) {
  switch (naming) {
    case Naming::timm: return "timm";
    case Naming::torchvision: return "torchvision";
    case Naming::efficientnet_pytorch: return "efficientnet_pytorch";
  }
  return "?";
}

Naming parse_naming(std::string_view text) {
  std::vector<std::string> names;
  for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
    if (text == name_of(naming)) return naming;
    names.emplace_back(name_of(naming));
  }
  fail("unknown naming {}{}", printable(text), did_you_mean(text, names));
}

bool names(Naming naming, Family family) {
  return naming != Naming::efficientnet_pytorch || family == Family::efficientnet || family == Family::efficientnet_lite;
}

std::vector<NamePair> key_map(const Network& network, Naming naming) {
  if (!names(naming, network.spec.family)) fail("{} does not name the tensors of {}", name_of(naming), network.title);
  std::vector<NamePair> pairs;
  for (const Layer& layer : network.layers)
    for (const LayerTensor& t : tensors_of(layer)) {
      NamePair& pair = pairs.emplace_back();
      pair.timm = fmt::format("{}.{}", module_name(layer, t.module), t.entry);
      pair.file = fmt::format("{}.{}", name_in_file(naming, network.spec.family, layer, t.module), t.entry);
      pair.shape = t.shape;
      if (layer.weight_is_1x1 && naming == Naming::torchvision && t.shape.size() > 1) pair.shape.resize(2);  // torchvision's is linear
    }
  return pairs;
}

bool same_values(const std::vector<int64_t>& found, const std::vector<int64_t>& expected) {
  const auto plain = [](std::vector<int64_t> s) {
    while (s.size() > 2 && s.back() == 1) s.pop_back();
    return s;
  };
  return plain(found) == plain(expected);
}

std::string_view strip_prefixes(std::string_view name) {
  static constexpr std::string_view kWrappers[] = {"module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder."};
  for (;;) {
    const auto* const wrapper =
        std::find_if(std::begin(kWrappers), std::end(kWrappers), [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (wrapper == std::end(kWrappers)) return name;
    name.remove_prefix(wrapper->size());
  }
}

std::optional<Naming> detect_naming(const TensorFile& file) {
  std::optional<Naming> best;
  std::ptrdiff_t most = 0;
  for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
    const auto count = std::count_if(file.tensors().begin(), file.tensors().end(),
                                     [&](const StoredTensor& t) { return follows(naming, strip_prefixes(t.name)); });
    if (count > most) {
      most = count;
      best = naming;
    }
  }
  return best;
}

std::optional<std::string> detect_model(const TensorFile& file, Naming naming) {
  std::unordered_map<std::string_view, const StoredTensor*> tensors;
  for (const StoredTensor& t : file.tensors()) tensors.emplace(strip_prefixes(t.name), &t);

  std::optional<std::string> best;
  std::size_t most_present = tensors.size() / 2, fewest_missing = SIZE_MAX;  // at least half of the file's tensors must be the network's
  for (const std::string& name : network_names()) {
    std::size_t present = 0, missing = 0;
    bool fits = true;
    const Network network = build_network(network_spec(name));
    if (!names(naming, network.spec.family)) continue;
    for (const Layer& layer : network.layers)
      for (const LayerTensor& t : tensors_of(layer)) {
        const auto found = tensors.find(fmt::format("{}.{}", name_in_file(naming, network.spec.family, layer, t.module), t.entry));
        found == tensors.end() ? ++missing : ++present;
        // Only the shapes of convolutions' weights are compared: all other shapes follow from them.
        const bool compared = is_convolution(layer.kind) && t.module == Module::weight;
        if (found != tensors.end() && compared && !same_values(found->second->shape, t.shape)) fits = false;
      }
    // lite0's tensors are a subset of b0's, and b0's of b1's, with equal shapes: choose the network with the fewest missing.
    if (fits && (present > most_present || (present == most_present && missing < fewest_missing))) {
      best = name;
      most_present = present;
      fewest_missing = missing;
    }
  }
  return best;
}

}  // namespace mcnn
