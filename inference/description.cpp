// A description from a configuration, from a weights file, and into the metadata of one.
// Next: weights/convention.h ranks flags, metadata and guesses.
#include "inference/description.h"

#include <algorithm>
#include <cmath>

#include "models/layer_tensors.h"
#include "runtime/error.h"
#include "runtime/number.h"

namespace mcnn {
namespace {

template <class T>
T value_or(const std::optional<Sourced<T>>& field, T otherwise) {
  return field ? field->value : otherwise;
}

Interpolation parse_interpolation(const std::string& name) {
  if (name == "bicubic") return Interpolation::bicubic;
  if (name == "bilinear") return Interpolation::bilinear;
  fail("interpolation '{}' is neither bicubic nor bilinear", name);
}

std::string name_of(Interpolation interpolation) { return interpolation == Interpolation::bicubic ? "bicubic" : "bilinear"; }

std::array<float, 3> three(const std::vector<double>& values) {
  return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

double number(const TensorFile& file, const char* key, double least, double most, double otherwise) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return otherwise;
  const auto value = number_in<double>(found->second);
  if (!value) fail("{}: metadata '{}': {} is not a number", file.path(), key, printable(found->second));
  if (*value < least || *value > most)
    fail("{}: metadata '{}': {} is outside {} to {}", file.path(), key, printable(found->second), least, most);
  return *value;
}

/// Rows of the classifier's weight, whatever the file calls it; 0 if it has none.
int classes_in(const TensorFile& file, const Network& network) {
  const std::optional<Naming> naming = detect_naming(file);
  if (!naming || !names(*naming, network.spec.family)) return 0;
  const std::vector<NamePair> pairs = key_map(network, *naming);
  const std::string weight = module_name(network.layers.back(), Module::weight) + ".weight";
  const auto classifier = std::find_if(pairs.begin(), pairs.end(), [&](const NamePair& pair) { return pair.timm == weight; });
  for (const StoredTensor& t : file.tensors())
    if (strip_prefixes(t.name) == classifier->file && !t.shape.empty()) return static_cast<int>(t.shape[0]);
  return 0;
}

}  // namespace

ModelDescription describe_run(const ModelOptions& model, const DataOptions& data, const Convention& of_weights,
                              std::vector<std::string> classes) {
  ModelDescription d;
  d.spec = network_spec(model.name);
  if (model.width > 0) d.spec.width = model.width;
  if (model.depth > 0) d.spec.depth = model.depth;
  d.spec.classes = static_cast<int>(classes.size());
  d.spec.padding = model.padding == "auto" ? value_or(of_weights.padding, Padding{}) : Padding::parse(model.padding);
  d.spec.bn_eps = model.bn_eps > 0 ? static_cast<float>(model.bn_eps) : value_or(of_weights.bn_eps, d.spec.bn_eps);
  d.spec.bn_momentum = static_cast<float>(model.bn_momentum);
  d.spec.frozen_norm = model.frozen_norm;
  if (model.dropout >= 0) d.spec.dropout = static_cast<float>(model.dropout);
  if (model.drop_path >= 0) d.spec.drop_path = static_cast<float>(model.drop_path);
  const Normalisation imagenet;
  d.normalisation.mean = data.mean.empty() ? value_or(of_weights.mean, imagenet.mean) : three(data.mean);
  d.normalisation.std = data.std.empty() ? value_or(of_weights.std, imagenet.std) : three(data.std);
  for (const float deviation : d.normalisation.std)
    if (!(deviation > 0)) fail("[data] std: {} is not above 0", deviation);
  d.preprocess.crop = data.crop;
  d.preprocess.resize = data.resize > 0 ? data.resize : data.crop;
  d.preprocess.interpolation = parse_interpolation(data.interpolation);
  d.preprocess.crop_rule = parse_crop_rule(data.crop_rule);
  check(d.preprocess);
  d.classes = std::move(classes);
  return d;
}

ModelDescription describe_file(const TensorFile& file, const Convention& flags, std::vector<std::string>& notes) {
  notes.insert(notes.end(), file.notes().begin(), file.notes().end());
  const Convention c = resolve_convention(flags, file);
  if (!c.model)
    fail("{}: cannot tell which network its tensors are of; name it with --model, and its --width and --depth if they are its own",
         file.path());
  ModelDescription d;
  d.spec = network_spec(c.model->value);
  d.spec.width = number(file, "width", kLeastMultiplier, kLargestMultiplier, d.spec.width);
  d.spec.depth = number(file, "depth", kLeastMultiplier, kLargestMultiplier, d.spec.depth);
  d.spec.padding = value_or(c.padding, Padding{});
  d.spec.bn_eps = value_or(c.bn_eps, d.spec.bn_eps);
  d.normalisation.mean = value_or(c.mean, d.normalisation.mean);
  d.normalisation.std = value_or(c.std, d.normalisation.std);
  d.preprocess.crop = value_or(c.resolution, d.spec.resolution);
  const double resize = std::floor(d.preprocess.crop / value_or(c.crop_pct, 0.875));
  d.preprocess.resize = static_cast<int>(flags.resolution || flags.crop_pct ? resize : number(file, "resize", 1, 1 << 20, resize));
  d.preprocess.interpolation = parse_interpolation(value_or(c.interpolation, std::string("bicubic")));
  d.preprocess.crop_rule = parse_crop_rule(value_or(c.crop_rule, std::string("timm")));
  const bool crop_is_guessed = !file.metadata().contains("resize") && (!c.crop_pct || c.crop_pct->guess);
  if (d.preprocess.crop_rule == CropRule::square_first && crop_is_guessed) d.preprocess.resize = d.preprocess.crop + 32;  // the authors'
  d.classes = value_or(c.classes, {});
  if (const int rows = classes_in(file, build_network(d.spec)); rows > 0) d.spec.classes = rows;
  if (d.classes.empty())
    for (int k = 0; k < d.spec.classes; ++k) d.classes.push_back(std::to_string(k));
  if (static_cast<int>(d.classes.size()) != d.spec.classes)
    fail("{}: metadata 'classes' names {} classes, the classifier has {}", file.path(), d.classes.size(), d.spec.classes);

  const auto guessed = [](const auto&... fields) { return ((fields && fields->guess) || ...); };
  if (guessed(c.model, c.padding, c.bn_eps, c.mean, c.std, c.resolution, c.crop_pct, c.interpolation))
    notes.push_back("the file does not state its whole convention; used:\n" + describe(c));
  return d;
}

Metadata metadata_of(const ModelDescription& d) {
  const auto stated = [](auto value) { return Sourced<decltype(value)>{std::move(value), "run"}; };
  Convention c;
  c.model = stated(d.spec.name);
  c.padding = stated(d.spec.padding);
  c.bn_eps = stated(d.spec.bn_eps);
  c.mean = stated(d.normalisation.mean);
  c.std = stated(d.normalisation.std);
  c.resolution = stated(d.preprocess.crop);
  c.crop_pct = stated(static_cast<double>(d.preprocess.crop) / d.preprocess.resize);
  c.interpolation = stated(name_of(d.preprocess.interpolation));
  c.crop_rule = stated(std::string(name_of(d.preprocess.crop_rule)));
  c.classes = stated(d.classes);
  Metadata metadata = metadata_of(c);
  metadata["width"] = fmt::format("{}", d.spec.width);
  metadata["depth"] = fmt::format("{}", d.spec.depth);
  metadata["resize"] = std::to_string(d.preprocess.resize);  // crop_pct alone may lose a pixel to rounding
  return metadata;
}

}  // namespace mcnn
