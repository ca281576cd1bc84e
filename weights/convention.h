// The convention of a checkpoint, which must be used to run it: padding, batch norm's epsilon, normalisation, evaluation size. Another
// convention silently costs accuracy, so each field records its source, and guesses are printed.
// Sources in order: the user's flags, the file's metadata, then what is published about files of that name.
// Next: published.h knows the public checkpoints; layers/padding.h explains padding.
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
  std::optional<Sourced<int>> resolution;                  ///< side of the square network input in evaluation
  std::optional<Sourced<double>> crop_pct;                 ///< shorter side -> floor(resolution/crop_pct), then centre crop
  std::optional<Sourced<std::string>> interpolation;       ///< bicubic, bilinear
  std::optional<Sourced<std::string>> crop_rule;           ///< timm, torchvision, tensorflow; absent: timm's
  std::optional<Sourced<std::vector<std::string>>> classes;
};

/// The fields of `first`; those it lacks come from `second`.
Convention merged(const Convention& first, const Convention& second);

/// Reads metadata with the keys of metadata_of(), or in words under 'convention' ("SAME padding, BN eps 1e-3").
/// Throws Error naming the file and the field if a value cannot be parsed.
Convention convention_of_metadata(const std::string& path, const Metadata& metadata);

/// Reads flags with the same keys (bn_eps for --bn-eps). Throws Error naming the flag.
Convention convention_of_flags(const Metadata& flags);

/// Each field from the first source that has it: flags, the file's metadata, published_convention(), which is a guess.
Convention resolve_convention(const Convention& flags, const TensorFile& file);

/// The metadata that states a convention: model, padding, bn_eps, mean, std, resolution, crop_pct, interpolation, crop_rule, classes
/// (a JSON list). Absent fields are left out.
Metadata metadata_of(const Convention& convention);

/// One line per field: its name, value and source; marks guesses and lists absent fields as unknown.
std::string describe(const Convention& convention);

}  // namespace mcnn
