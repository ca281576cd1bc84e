// Load: everything is matched, checked and converted first, then written to the network.  Contract: load.h.
// Next: key_map.cpp for the names, layers/parameters.cpp for the axes.
#include "weights/load.h"

#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "runtime/error.h"
#include "weights/safetensors.h"

namespace mcnn {
namespace {

constexpr std::string_view kCounter = ".num_batches_tracked";
const std::string kHeadWeight = "classifier.weight", kHeadBias = "classifier.bias";

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return ::fnmatch(p.c_str(), name.c_str(), 0) == 0; });
}

/// "a, b, c and 17 more"
std::string listed(const std::vector<std::string>& items) {
  constexpr std::size_t kMost = 20;
  const std::size_t shown = std::min(items.size(), kMost);
  std::string out = fmt::format("{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < items.size()) out += fmt::format(" and {} more", items.size() - shown);
  return out;
}

std::string shape_str(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ",")); }

/// The file's tensors by their names without wrappers' prefixes.
std::unordered_map<std::string, const StoredTensor*> by_plain_name(const TensorFile& file) {
  std::unordered_map<std::string, const StoredTensor*> out;
  for (const StoredTensor& t : file.tensors())
    if (!out.emplace(strip_prefixes(t.name), &t).second)
      fail("{}: tensor {} is there twice, with and without a wrapper's prefix", file.path(), printable(t.name));
  return out;
}

/// (O,I) and (O,I,1,1) hold the same values in the same order; files have been seen with either for 1x1 weights.
bool same_values(const std::vector<int64_t>& found, const std::vector<int64_t>& wanted) {
  const auto plain = [](std::vector<int64_t> s) {
    while (s.size() > 2 && s.back() == 1) s.pop_back();
    return s;
  };
  return plain(found) == plain(wanted);
}

/// Finite values of a floating type, or an Error.
std::vector<float> checked_values(const TensorFile& file, const StoredTensor& t) {
  if (t.dtype != "F32" && t.dtype != "F64" && t.dtype != "F16" && t.dtype != "BF16")
    fail("{}: tensor {} holds {}, expected F32, F64, F16 or BF16", file.path(), printable(t.name), t.dtype);
  std::vector<float> values = as_floats(t);
  const bool variance = t.name.ends_with(".running_var");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) fail("{}: tensor {} holds {} at index {}", file.path(), printable(t.name), values[i], i);
    if (variance && values[i] < 0)
      fail("{}: tensor {} holds a negative variance, {}, at index {}", file.path(), printable(t.name), values[i], i);
  }
  return values;
}

/// What the file lacks for each tensor of the network, and what it has too much.
struct Matching {
  std::vector<std::pair<NamedTensor*, const StoredTensor*>> found;
  std::vector<NamedTensor*> missing;
  std::vector<std::string> missing_names;  ///< "timm (file's)", as a message shows them
  std::vector<std::string> missing_in_file;
  std::vector<std::string> unused;
  std::vector<std::string> wrong_shapes;
};

/// Number of classes of the file's classifier; 0 if it has none.
int64_t classes_in(const std::unordered_map<std::string, const StoredTensor*>& tensors,
                   const std::unordered_map<std::string, std::string>& file_name) {
  for (const std::string& timm : {kHeadWeight, kHeadBias}) {
    const auto it = tensors.find(file_name.at(timm));
    if (it != tensors.end() && !it->second->shape.empty()) return it->second->shape[0];
  }
  return 0;
}

}  // namespace

std::vector<std::string> LoadReport::lines() const {
  std::vector<std::string> out;
  if (new_head) out.push_back(fmt::format("classifier: the file's has {} classes; initialised instead", file_classes));
  if (!missing.empty()) out.push_back("missing from the file, initialised instead: " + listed(missing));
  if (!identities.empty()) out.push_back("starting as the identity (last gamma and beta 0): " + listed(identities));
  if (!unused.empty()) out.push_back("in the file, not used: " + listed(unused));
  return out;
}

LoadReport load_weights(const TensorFile& file, const Architecture& architecture, Parameters& parameters, const LoadOptions& options) {
  const std::optional<Naming> naming = detect_naming(file);
  if (!naming) {
    std::vector<std::string> names;
    for (const StoredTensor& t : file.tensors()) names.push_back(printable(t.name));
    fail("{}: tensor names are none of timm's, torchvision's, EfficientNet-PyTorch's: {}", file.path(),
         names.empty() ? "the file is empty" : listed(names));
  }
  const auto tensors = by_plain_name(file);
  std::unordered_map<std::string, std::string> file_name;
  for (const auto& [timm, in_file] : key_map(architecture, *naming)) file_name[timm] = in_file;

  LoadReport report{.naming = *naming};
  report.file_classes = classes_in(tensors, file_name);
  const NamedTensor* bias = parameters.find(kHeadBias);
  report.new_head = report.file_classes != 0 && bias != nullptr && report.file_classes != bias->torch_shape[0];

  // Every tensor of the network, against the file.
  Matching m;
  std::unordered_set<std::string> known;
  for (NamedTensor& t : parameters.tensors()) {
    const std::string& in_file = file_name.at(t.name);
    known.insert(in_file);
    const auto it = tensors.find(in_file);
    const bool head = t.name == kHeadWeight || t.name == kHeadBias;
    if (head && report.new_head) {
      // A classifier for other classes on the same features is replaced; on other features the file is another network.
      const bool other_features =
          it != tensors.end() && t.name == kHeadWeight && it->second->shape.size() == 2 && it->second->shape[1] != t.torch_shape[1];
      if (!other_features) continue;
    }
    if (it == tensors.end()) {
      m.missing.push_back(&t);
      m.missing_in_file.push_back(in_file);
      m.missing_names.push_back(in_file == t.name ? t.name : fmt::format("{} ({})", t.name, in_file));
    } else if (!same_values(it->second->shape, t.torch_shape)) {
      m.wrong_shapes.push_back(
          fmt::format("{} is {}, expected {}", printable(it->second->name), it->second->shape_str(), shape_str(t.torch_shape)));
    } else {
      m.found.emplace_back(&t, it->second);
    }
  }
  for (const StoredTensor& t : file.tensors()) {
    const std::string plain(strip_prefixes(t.name));
    if (!known.contains(plain) && !plain.ends_with(kCounter)) m.unused.push_back(plain);
  }

  // Complaints, all at once.
  std::vector<std::string> complaints, refused;
  for (std::size_t i = 0; i < m.missing.size(); ++i)
    if (!matches(options.allow_missing, m.missing[i]->name) && !matches(options.allow_missing, m.missing_in_file[i]))
      refused.push_back(m.missing_names[i]);
  if (!refused.empty()) complaints.push_back("missing: " + listed(refused));
  refused.clear();
  for (const std::string& name : m.unused)
    if (!matches(options.allow_missing, name)) refused.push_back(printable(name));
  if (!refused.empty()) complaints.push_back("unexpected: " + listed(refused));
  if (!complaints.empty()) complaints.back() += " (allow_missing takes names and globs to go on without)";
  if (!m.wrong_shapes.empty()) complaints.push_back("wrong shape: " + listed(m.wrong_shapes));
  if (!complaints.empty()) {
    const auto model = detect_model(file, *naming);
    fail("{}: does not fit the network: {}{}", file.path(), fmt::join(complaints, "; "),
         model ? fmt::format("; the file's tensors are those of {}", *model) : "");
  }
  std::vector<std::vector<float>> values;
  values.reserve(m.found.size());
  for (const auto& [target, source] : m.found) values.push_back(checked_values(file, *source));

  // Nothing below can refuse the file.
  for (std::size_t i = 0; i < m.found.size(); ++i)
    from_torch(parameters.ops(), *m.found[i].first, values[i].data(), m.found[i].first->value);
  for (NamedTensor* t : m.missing) {
    initialise(parameters, *t, options.seed);
    report.missing.push_back(t->name);
  }
  if (report.new_head)
    for (const std::string& name : {kHeadWeight, kHeadBias}) initialise(parameters, *parameters.find(name), options.seed);
  for (const BlockSpec& b : architecture.blocks) {
    const bool convolution_missing =
        std::any_of(m.missing.begin(), m.missing.end(), [&](const NamedTensor* t) { return t->name.starts_with(b.name() + ".conv_"); });
    if (!b.skip || !convolution_missing) continue;
    const std::string last_norm = b.name() + (b.expand != 1 ? ".bn3" : ".bn2");
    for (const char* part : {".weight", ".bias"}) parameters.ops().fill(parameters.find(last_norm + part)->value, 0.f);
    report.identities.push_back(b.name());
  }
  report.unused = m.unused;
  return report;
}

void save_weights(const std::string& path, Parameters& parameters, const Metadata& metadata, int64_t num_batches_tracked) {
  std::vector<std::vector<float>> values;
  std::vector<StoredTensor> stored;
  values.reserve(parameters.tensors().size());
  for (const NamedTensor& t : parameters.tensors()) {
    values.push_back(to_torch(parameters.ops(), t, t.value));
    stored.push_back({t.name, "F32", t.torch_shape, std::as_bytes(std::span(values.back()))});
    constexpr std::string_view kMean = ".running_mean";
    if (t.name.ends_with(kMean)) {
      const std::string norm = t.name.substr(0, t.name.size() - kMean.size());
      stored.push_back({norm + std::string(kCounter), "I64", {}, std::as_bytes(std::span(&num_batches_tracked, 1))});
    }
  }
  Metadata with_format = metadata;
  with_format.emplace("format", "pt");  // transformers and timm ask for it
  write_safetensors(path, stored, with_format);
}

}  // namespace mcnn
