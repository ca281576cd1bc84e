// Everything needed to run a weights file: network, preprocessing, classes. It is stored in the file's metadata.
// Next: weights/convention.h says where each field comes from.
#pragma once
#include <string>
#include <vector>

#include "data/data_options.h"
#include "data/preprocess.h"
#include "inference/engine.h"
#include "models/model_options.h"
#include "models/published_networks.h"
#include "weights/convention.h"

namespace mcnn {

struct ModelDescription {
  NetworkSpec spec;
  Normalisation normalisation;
  Preprocess preprocess;
  std::vector<std::string> classes;  ///< names in label order
};

/// Describes the network that a run trains: from the configuration, and, for settings left on `auto`, from the convention of its initial
/// weights.
ModelDescription describe_run(const ModelOptions& model, const DataOptions& data, const Convention& of_weights,
                              std::vector<std::string> classes);

/// Describes a weights file; `flags` override what it states. Appends lines for the user to `notes`, which mark guesses.
/// Throws Error if the network cannot be recognised.
ModelDescription describe_file(const TensorFile& file, const Convention& flags, std::vector<std::string>& notes);

/// The metadata of a file that stores this description.
Metadata metadata_of(const ModelDescription& description);

}  // namespace mcnn
