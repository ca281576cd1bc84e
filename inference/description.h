// Everything a weights file must say so that its answers can be had again: network, preprocessing, classes. It travels in
// the file's metadata.
#pragma once
#include <string>
#include <vector>

#include "data/data_options.h"
#include "data/preprocess.h"
#include "inference/engine.h"
#include "models/published_networks.h"
#include "models/model_options.h"
#include "weights/convention.h"

namespace mcnn {

struct ModelDescription {
  NetworkSpec spec;
  Normalisation normalisation;
  Preprocess preprocess;
  std::vector<std::string> classes;  ///< names in label order
};

/// Of the network a run trains: the configuration, and where it leaves a choice to the initial weights, their convention.
ModelDescription describe_run(const ModelOptions& model, const DataOptions& data, const Convention& of_weights,
                              std::vector<std::string> classes);

/// Of a file as it stands; `flags` outrank what it says. Lines for the user, guesses marked, are added to `notes`.
/// Throws Error if the network cannot be told.
ModelDescription describe_file(const TensorFile& file, const Convention& flags, std::vector<std::string>& notes);

Metadata metadata_of(const ModelDescription& description);

}  // namespace mcnn
