// Values from a file into a network and back. Names are translated (key_map.h), axes reordered (layers/parameters.h).
// A file that does not fit is refused before a single value of the network has changed, and everything that does not fit
// is listed at once.
#pragma once
#include <string>
#include <vector>

#include "formats/tensor_file.h"
#include "layers/parameters.h"
#include "models/network.h"
#include "weights/key_map.h"

namespace mcnn {

struct LoadOptions {
  /// Names or globs ("blocks.6.1.*", "_blocks.31.*"), timm's or the file's: tensors that may be missing from the file or,
  /// being in it, may go unused.
  std::vector<std::string> allow_missing;
  uint64_t seed = 0;  ///< of what is initialised because the file has no values for it
  /// Names in label order. A file that states others has a classifier for something else, though it may fit; empty: any will do.
  std::vector<std::string> classes;
};

struct LoadReport {
  Naming naming = Naming::timm;
  std::vector<std::string> missing;      ///< timm names, initialised instead; allowed by LoadOptions
  std::vector<std::string> unused;       ///< file names; allowed by LoadOptions
  std::vector<std::string> identities;   ///< blocks started as the identity because their convolutions are missing
  bool new_head = false;                 ///< the file's classifier is for other classes: initialised instead
  int64_t file_classes = 0;              ///< 0: the file has no classifier
  std::vector<std::string> class_names;  ///< that the file states

  /// What a user should know, one line each; empty if the file fitted exactly.
  std::vector<std::string> lines() const;
};

/// num_batches_tracked never counts. A block with a skip whose convolutions are missing starts as the identity (its last
/// batch norm's gamma and beta 0, whatever the file says): anything else would disturb the blocks that are there.
/// Throws Error: unknown naming, a run's whole state, tensors missing or unexpected, wrong shapes or types, values that are not finite.
LoadReport load_weights(const TensorFile& file, const Network& network, Parameters& parameters, const LoadOptions& options = {});

/// For whoever does not train: throws Error if the classifier was initialised instead of read, so that answers would mean nothing.
void require_head_of_file(const LoadReport& report, const TensorFile& file, int64_t classes);

/// timm's names, PyTorch's axes, F32 and a num_batches_tracked per batch norm: timm loads it with strict=True.
void save_weights(const std::string& path, Parameters& parameters, const Metadata& metadata, int64_t num_batches_tracked = 0);

}  // namespace mcnn
