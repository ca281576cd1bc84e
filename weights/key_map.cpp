// Writes the table of key_map.h down once per naming; detection is the same table read backwards.
#include "weights/key_map.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

/// Adds a module's tensors: "conv_stem" -> conv_stem.weight.
class Pairs {
 public:
  void conv(const std::string& timm, const std::string& file) { add(timm, file, ".weight"); }
  void conv_with_bias(const std::string& timm, const std::string& file) {
    add(timm, file, ".weight");
    add(timm, file, ".bias");
  }
  void norm(const std::string& timm, const std::string& file) {
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked"}) add(timm, file, part);
  }
  std::vector<NamePair> take() { return std::move(pairs_); }

 private:
  void add(const std::string& timm, const std::string& file, const char* part) { pairs_.push_back({timm + part, file + part}); }
  std::vector<NamePair> pairs_;
};

/// What a block's modules are called in a file, relative to nothing: full prefixes.
struct BlockNames {
  std::string expand, expand_norm, depthwise, depthwise_norm, reduce, excite, project, project_norm;
};

BlockNames block_names(Naming naming, const BlockSpec& b, int global_index) {
  const bool expands = b.expand != 1;
  switch (naming) {
    case Naming::timm: {
      const std::string p = b.name() + ".";
      if (expands)
        return {p + "conv_pw", p + "bn1", p + "conv_dw", p + "bn2", p + "se.conv_reduce", p + "se.conv_expand", p + "conv_pwl", p + "bn3"};
      return {"", "", p + "conv_dw", p + "bn1", p + "se.conv_reduce", p + "se.conv_expand", p + "conv_pw", p + "bn2"};
    }
    case Naming::torchvision: {
      // The block is a list: [expand] depthwise [squeeze-excite] project; what is absent does not count.
      const std::string p = fmt::format("features.{}.{}.block.", b.stage + 1, b.index);
      int next = 0;
      const auto item = [&](bool present) { return p + std::to_string(present ? next++ : next); };
      const std::string expand = item(expands), depthwise = item(true), se = item(b.squeezed > 0), project = item(true);
      return {expand + ".0", expand + ".1", depthwise + ".0", depthwise + ".1", se + ".fc1", se + ".fc2", project + ".0", project + ".1"};
    }
    case Naming::efficientnet_pytorch: {
      const std::string p = fmt::format("_blocks.{}.", global_index);
      return {p + "_expand_conv", p + "_bn0",       p + "_depthwise_conv", p + "_bn1",
              p + "_se_reduce",   p + "_se_expand", p + "_project_conv",   p + "_bn2"};
    }
  }
  return {};
}

/// Modules outside the blocks: stem, stem norm, head, head norm, classifier.
std::array<std::string, 5> outer_names(Naming naming) {
  switch (naming) {
    case Naming::timm: return {"conv_stem", "bn1", "conv_head", "bn2", "classifier"};
    case Naming::torchvision: return {"features.0.0", "features.0.1", "features.8.0", "features.8.1", "classifier.1"};
    case Naming::efficientnet_pytorch: return {"_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc"};
  }
  return {};
}

/// Whether a name could only come from this naming.
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

std::vector<NamePair> key_map(const Architecture& architecture, Naming naming) {
  const auto timm = outer_names(Naming::timm), file = outer_names(naming);
  Pairs pairs;
  pairs.conv(timm[0], file[0]);
  pairs.norm(timm[1], file[1]);
  int global_index = 0;
  for (const BlockSpec& b : architecture.blocks) {
    const BlockNames t = block_names(Naming::timm, b, global_index), f = block_names(naming, b, global_index);
    if (b.expand != 1) {
      pairs.conv(t.expand, f.expand);
      pairs.norm(t.expand_norm, f.expand_norm);
    }
    pairs.conv(t.depthwise, f.depthwise);
    pairs.norm(t.depthwise_norm, f.depthwise_norm);
    if (b.squeezed > 0) {
      pairs.conv_with_bias(t.reduce, f.reduce);
      pairs.conv_with_bias(t.excite, f.excite);
    }
    pairs.conv(t.project, f.project);
    pairs.norm(t.project_norm, f.project_norm);
    ++global_index;
  }
  pairs.conv(timm[2], file[2]);
  pairs.norm(timm[3], file[3]);
  pairs.conv_with_bias(timm[4], file[4]);
  return pairs.take();
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
  std::size_t most_present = tensors.size() / 2, fewest_missing = SIZE_MAX;  // half of the file must be known
  for (const char* name : {"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3", "lite4"}) {
    const Architecture architecture = scale(efficientnet_spec(name));
    // The widths that tell the networks apart; the other tensors follow from them.
    std::map<std::string, std::vector<int64_t>> shapes = {{"conv_stem.weight", {architecture.stem, 3, 3, 3}},
                                                          {"conv_head.weight", {architecture.head, architecture.blocks.back().out, 1, 1}}};
    for (const BlockSpec& b : architecture.blocks) shapes[b.name() + ".conv_dw.weight"] = {b.in * b.expand, 1, b.kernel, b.kernel};

    std::size_t present = 0, missing = 0;
    bool fits = true;
    for (const auto& [timm, in_file] : key_map(architecture, naming)) {
      const auto found = tensors.find(in_file);
      found == tensors.end() ? ++missing : ++present;
      const auto shape = shapes.find(timm);
      if (found != tensors.end() && shape != shapes.end() && found->second->shape != shape->second) fits = false;
    }
    // lite0's tensors are some of b0's, and b0's some of b1's, equally wide: the network that lacks fewest is meant.
    if (fits && (present > most_present || (present == most_present && missing < fewest_missing))) {
      best = name;
      most_present = present;
      fewest_missing = missing;
    }
  }
  return best;
}

}  // namespace mcnn
