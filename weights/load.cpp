// load_weights() first matches and checks all tensors, then writes them to the network.  Contract: load.h.
// Next: key_map.cpp translates names, layers/parameters.cpp reorders axes.
#include "weights/load.h"

#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "formats/safetensors.h"
#include "runtime/error.h"
#include "runtime/listed.h"
#include "weights/convention.h"
#include "weights/state_dict.h"

namespace mcnn {
namespace {

constexpr std::string_view kCounter = ".num_batches_tracked";
const std::string kHeadWeight = "classifier.weight", kHeadBias = "classifier.bias";

using PlainNames = std::unordered_map<std::string, const StoredTensor*>;
using FileNames = std::unordered_map<std::string, std::string>;  ///< timm's name -> the file's

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return ::fnmatch(p.c_str(), name.c_str(), 0) == 0; });
}

std::string shape_str(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ",")); }

/// The file's tensors by their names without wrappers' prefixes.
PlainNames by_plain_name(const TensorFile& file) {
  PlainNames out;
  for (const StoredTensor& t : file.tensors())
    if (!out.emplace(strip_prefixes(t.name), &t).second)
      fail("{}: tensor {} occurs twice, with and without a wrapper's prefix", file.path(), printable(t.name));
  return out;
}

/// A tensor's values: in the mapped file itself if they are aligned floats, else converted into `buffer`.
std::span<const float> floats_of(const StoredTensor& t, std::vector<float>& buffer) {
  const bool aligned = reinterpret_cast<uintptr_t>(t.bytes.data()) % alignof(float) == 0;
  if (t.dtype == "F32" && aligned) return {reinterpret_cast<const float*>(t.bytes.data()), t.bytes.size() / sizeof(float)};
  buffer = as_floats(t);
  return buffer;
}

/// Infinities and NaNs have all exponent bits set. The loop has no branch, so that the compiler vectorises it.
bool all_finite(std::span<const float> values) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  for (const float v : values) found |= (std::bit_cast<uint32_t>(v) & kExponent) == kExponent;
  return found == 0;
}

/// Throws Error unless the tensor has finite values of a floating type.
void check_values(const TensorFile& file, const StoredTensor& t, std::vector<float>& buffer) {
  if (t.dtype != "F32" && t.dtype != "F64" && t.dtype != "F16" && t.dtype != "BF16")
    fail("{}: tensor {} holds {}, expected F32, F64, F16 or BF16", file.path(), printable(t.name), t.dtype);
  const std::span<const float> values = floats_of(t, buffer);
  const bool variance = t.name.ends_with(".running_var");
  if (all_finite(values) && !variance) return;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) fail("{}: tensor {} holds {} at index {}", file.path(), printable(t.name), values[i], i);
    if (variance && values[i] < 0)
      fail("{}: tensor {} holds a negative variance, {}, at index {}", file.path(), printable(t.name), values[i], i);
  }
}

bool is_head(const std::string& name) { return name == kHeadWeight || name == kHeadBias; }

/// Number of classes of the file's classifier; 0 if it has none.
int64_t classes_in(const PlainNames& tensors, const FileNames& file_names) {
  for (const std::string& timm : {kHeadWeight, kHeadBias}) {
    const auto it = tensors.find(file_names.at(timm));
    if (it != tensors.end() && !it->second->shape.empty()) return it->second->shape[0];
  }
  return 0;
}

/// Whether the classes have names: unnamed classes are listed as "0", "1", ...
bool are_named(const std::vector<std::string>& classes) {
  for (std::size_t k = 0; k < classes.size(); ++k)
    if (classes[k] != std::to_string(k)) return true;
  return false;
}

/// Whether the file's classifier must be replaced: it is for other classes, but has the network's number of features. (With another
/// number the file belongs to another network, and is refused.)
bool replaces_head(const PlainNames& tensors, const FileNames& file_names, const NamedTensor& weight, const LoadReport& of_file,
                   const std::vector<std::string>& classes) {
  const bool other_names = are_named(classes) && are_named(of_file.class_names) && classes != of_file.class_names;
  if (of_file.file_classes == 0 || (of_file.file_classes == weight.torch_shape[0] && !other_names)) return false;
  const auto it = tensors.find(file_names.at(kHeadWeight));
  return it == tensors.end() || (it->second->shape.size() == 2 && it->second->shape[1] == weight.torch_shape[1]);
}

/// The network's tensors matched with the file's.
struct Matching {
  std::vector<std::pair<NamedTensor*, const StoredTensor*>> found;
  std::vector<NamedTensor*> missing;
  std::vector<std::string> unused;        ///< file names
  std::vector<std::string> wrong_shapes;  ///< message texts
};

Matching match(const TensorFile& file, const PlainNames& tensors, const FileNames& file_names, Parameters& parameters, bool new_head) {
  Matching m;
  std::unordered_set<std::string> known;
  for (NamedTensor& t : parameters.tensors()) {
    const std::string& in_file = file_names.at(t.name);
    known.insert(in_file);
    if (new_head && is_head(t.name)) continue;
    const auto it = tensors.find(in_file);
    if (it == tensors.end()) {
      m.missing.push_back(&t);
    } else if (!same_values(it->second->shape, t.torch_shape)) {
      m.wrong_shapes.push_back(
          fmt::format("{} is {}, expected {}", printable(it->second->name), it->second->shape_str(), shape_str(t.torch_shape)));
    } else {
      m.found.emplace_back(&t, it->second);
    }
  }
  for (const StoredTensor& t : file.tensors()) {
    std::string plain(strip_prefixes(t.name));
    if (!known.contains(plain) && !plain.ends_with(kCounter)) m.unused.push_back(std::move(plain));
  }
  return m;
}

/// Throws one Error that lists everything that does not fit, except what `allowed` permits.
void refuse_misfits(const TensorFile& file, Naming naming, const FileNames& file_names, const Matching& m,
                    const std::vector<std::string>& allowed) {
  std::vector<std::string> missing, unexpected, complaints;
  for (const NamedTensor* t : m.missing) {
    const std::string& in_file = file_names.at(t->name);
    if (matches(allowed, t->name) || matches(allowed, in_file)) continue;
    missing.push_back(in_file == t->name ? t->name : fmt::format("{} ({})", t->name, in_file));
  }
  for (const std::string& name : m.unused)
    if (!matches(allowed, name)) unexpected.push_back(printable(name));
  if (!missing.empty()) complaints.push_back("missing: " + listed(missing));
  if (!unexpected.empty()) complaints.push_back("unexpected: " + listed(unexpected));
  if (!complaints.empty()) complaints.back() += " (allow_missing accepts names and globs of tensors to ignore)";
  if (!m.wrong_shapes.empty()) complaints.push_back("wrong shape: " + listed(m.wrong_shapes));
  if (complaints.empty()) return;
  const auto model = detect_model(file, naming);
  fail("{}: {}does not fit the network: {}", file.path(), model ? fmt::format("its tensors are those of {}; it ", *model) : "",
       fmt::join(complaints, "; "));
}

/// If a convolution of a block with a skip is missing, sets the gamma and beta of the block's last batch norm to 0, which makes the block
/// the identity. Returns the names of these blocks.
std::vector<std::string> start_as_identities(const Network& network, Parameters& parameters, const std::vector<NamedTensor*>& missing) {
  std::vector<std::string> names;
  const auto is_missing = [&](const Layer& layer) {
    return std::any_of(missing.begin(), missing.end(), [&](const NamedTensor* t) { return t->name == layer.name + ".weight"; });
  };
  for (const Layer& sum : network.layers) {
    if (sum.kind != LayerKind::residual) continue;
    const bool lacks = std::any_of(network.layers.begin(), network.layers.end(), [&](const Layer& layer) {
      return layer.role.block == sum.role.block && is_convolution(layer.kind) && is_missing(layer);
    });
    if (!lacks) continue;
    for (const char* entry : {".weight", ".bias"})
      parameters.ops().run(Fill{parameters.find(network.layers[sum.input].norm + entry)->value, 0.f});
    names.push_back(sum.role.block_name());
  }
  return names;
}

/// Refuses a file of train/checkpoint.h: it may hold weights and their averages, and neither is the best epoch's.
void refuse_state_of_a_run(const TensorFile& file) {
  const auto of_optimizer = [](const StoredTensor& t) { return t.name.starts_with("optimizer."); };
  if (std::any_of(file.tensors().begin(), file.tensors().end(), of_optimizer))
    fail("{}: is the state of a run, optimizer included, for mcnn-train --resume; the run's weights are in best.safetensors beside it",
         file.path());
}

Naming naming_of(const TensorFile& file) {
  if (const std::optional<Naming> naming = detect_naming(file)) return *naming;
  std::vector<std::string> names;
  for (const StoredTensor& t : file.tensors()) names.push_back(printable(t.name));
  fail("{}: tensor names are none of timm's, torchvision's, EfficientNet-PyTorch's: {}", file.path(),
       names.empty() ? "the file is empty" : listed(names));
}

}  // namespace

std::vector<std::string> LoadReport::lines() const {
  std::vector<std::string> out;
  if (new_head)
    out.push_back(fmt::format("classifier: the file's has {} classes{}; initialised instead", file_classes,
                              class_names.empty() ? "" : fmt::format(" ({})", listed(class_names))));
  if (!missing.empty()) out.push_back("missing from the file, initialised instead: " + listed(missing));
  if (!identities.empty()) out.push_back("starting as the identity (last gamma and beta 0): " + listed(identities));
  if (!unused.empty()) out.push_back("in the file, not used: " + listed(unused));
  return out;
}

LoadReport load_weights(const TensorFile& file, const Network& network, Parameters& parameters, const LoadOptions& options) {
  refuse_state_of_a_run(file);
  LoadReport report{.naming = naming_of(file)};
  const PlainNames tensors = by_plain_name(file);
  FileNames file_names;
  for (const NamePair& pair : key_map(network, report.naming)) file_names[pair.timm] = pair.file;
  report.file_classes = classes_in(tensors, file_names);
  if (const auto names = convention_of_metadata(file.path(), file.metadata()).classes) report.class_names = names->value;
  report.new_head = replaces_head(tensors, file_names, *parameters.find(kHeadWeight), report, options.classes);

  const Matching m = match(file, tensors, file_names, parameters, report.new_head);
  refuse_misfits(file, report.naming, file_names, m, options.allow_missing);
  std::vector<float> buffer;
  for (const auto& [target, source] : m.found) check_values(file, *source, buffer);

  // Nothing below can refuse the file.
  for (const auto& [target, source] : m.found) from_torch(parameters.ops(), *target, floats_of(*source, buffer).data(), target->value);
  for (NamedTensor* t : m.missing) {
    initialise(parameters, *t, options.seed);
    report.missing.push_back(t->name);
  }
  if (report.new_head)
    for (const std::string& name : {kHeadWeight, kHeadBias}) initialise(parameters, *parameters.find(name), options.seed);
  report.identities = start_as_identities(network, parameters, m.missing);
  report.unused = m.unused;
  return report;
}

void require_head_of_file(const LoadReport& report, const TensorFile& file, int64_t classes) {
  if (report.new_head)
    fail("{}: the classifier is for {} classes{}, and {} were requested", file.path(), report.file_classes,
         report.class_names.empty() ? "" : fmt::format(" ({})", fmt::join(report.class_names, ", ")), classes);
}

void save_weights(const std::string& path, Parameters& parameters, const Metadata& metadata, int64_t num_batches_tracked) {
  const TensorFile state = state_dict(parameters, [&](const std::string&) { return num_batches_tracked; });
  Metadata with_format = metadata;
  with_format.emplace("format", "pt");  // required by transformers and timm
  write_safetensors(path, state.tensors(), with_format);
}

}  // namespace mcnn
