// Loads weights from a file into a network, and saves them. Names are translated (key_map.h), axes reordered (layers/parameters.h).
// A file that does not fit is refused before any value of the network changes; the error lists everything that does not fit.
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
  uint64_t seed = 0;  ///< for tensors that are initialised because the file lacks them
  /// Class names in label order. If the file states other names, its classifier is replaced, even if the number of classes agrees.
  /// Empty: names are not compared.
  std::vector<std::string> classes;
};

struct LoadReport {
  Naming naming = Naming::timm;
  std::vector<std::string> missing;      ///< timm's names of tensors that the file lacks; they are initialised
  std::vector<std::string> unused;       ///< the file's names of tensors that the network lacks
  std::vector<std::string> identities;   ///< blocks that start as the identity because convolutions of theirs are missing
  bool new_head = false;                 ///< the file's classifier is for other classes: the network's is initialised
  int64_t file_classes = 0;              ///< classes of the file's classifier; 0: it has none
  std::vector<std::string> class_names;  ///< stated by the file

  /// Notes for the user, one line each; empty if the file fits exactly.
  std::vector<std::string> lines() const;
};

/// num_batches_tracked is ignored. If convolutions of a block with a skip are missing, the block starts as the identity (gamma and beta of
/// its last batch norm are 0, whatever the file says), so that random weights do not disturb the other blocks.
/// Throws Error for an unknown naming, the whole state of a run, missing or unexpected tensors, wrong shapes or types, and values that are
/// not finite.
LoadReport load_weights(const TensorFile& file, const Network& network, Parameters& parameters, const LoadOptions& options = {});

/// For inference: throws Error if the classifier was initialised instead of read, since its answers would be random.
void require_head_of_file(const LoadReport& report, const TensorFile& file, int64_t classes);

/// Writes safetensors with timm's names, PyTorch's axes, F32, and a num_batches_tracked per batch norm: timm loads it with strict=True.
void save_weights(const std::string& path, Parameters& parameters, const Metadata& metadata, int64_t num_batches_tracked = 0);

}  // namespace mcnn
