// How a checkpoint wants to be run: padding, batch norm's epsilon, normalisation, evaluation size. Running weights with
// another convention than their own costs accuracy silently, so every field remembers where it came from and guesses are
// printed. Order: what the user says, the file's metadata, then what is published about files so named.
// Next: published.h knows the public checkpoints; layers/padding.h is what the padding means.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "formats/tensor_file.h"
#include "layers/padding.h"
#include "weights/key_map.h"

namespace mcnn {

template <class T>
struct Sourced {
  T value{};
  std::string source;  ///< "--padding", "metadata 'padding'", "file name (timm's tf_efficientnet)"
  bool guess = false;  ///< not stated by the user or the file's metadata
};

struct Convention {
  std::optional<Sourced<std::string>> model;  ///< models/published_networks.h
  std::optional<Sourced<Padding>> padding;
  std::optional<Sourced<float>> bn_eps;
  std::optional<Sourced<std::array<float, 3>>> mean, std;  ///< of channels in [0,1]: (x/255 - mean)/std
  std::optional<Sourced<int>> resolution;                  ///< of evaluation, square
  std::optional<Sourced<double>> crop_pct;                 ///< shorter side -> floor(resolution/crop_pct), then centre crop
  std::optional<Sourced<std::string>> interpolation;       ///< bicubic, bilinear
  std::optional<Sourced<std::string>> crop_rule;           ///< timm, torchvision, tensorflow; absent: timm's
  std::optional<Sourced<std::vector<std::string>>> classes;
};

/// Fields of `first`, and of `second` where first has none.
Convention merged(const Convention& first, const Convention& second);

/// What the metadata states, in the keys of metadata_of(), or in words under 'convention' ("SAME padding, BN eps 1e-3").
/// Throws Error naming the file and the field if a value cannot be read.
Convention convention_of_metadata(const std::string& path, const Metadata& metadata);

/// What a user's flags state, in the same keys (bn_eps for --bn-eps). Throws Error naming the flag.
Convention convention_of_flags(const Metadata& flags);

/// flags, then the file's metadata, then published_convention(), which is a guess.
Convention resolve_convention(const Convention& flags, const TensorFile& file);

/// The metadata that states a convention: model, padding, bn_eps, mean, std, resolution, crop_pct, interpolation,
/// crop_rule, classes
/// (a JSON list). Absent fields are left out.
Metadata metadata_of(const Convention& convention);

/// One line per field: its name, value and source, guesses marked; a field nobody knows is listed as unknown.
std::string describe(const Convention& convention);

}  // namespace mcnn
