// Two weights files against each other, tensor by tensor, whatever either calls them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "formats/tensor_file.h"
#include "models/published_networks.h"

namespace mcnn {

/// The file's tensors by timm's names; a tensor that the network does not have keeps its own. Wrappers' prefixes are gone.
/// Throws Error if two tensors would have one name.
std::map<std::string, const StoredTensor*> by_timm_name(const TensorFile& file, const Network& network);

struct Difference {
  std::vector<std::string> lines;  ///< one for each tensor that differs, is missing or extra: its name and in what
  std::size_t compared = 0;        ///< tensors that are in both
  std::size_t counters = 0;        ///< num_batches_tracked in only one of them: nothing reads it, so no difference
  double largest = 0;              ///< max|a-b| of all compared tensors; NaN if a NaN meets a number
};

/// Values are equal if their numbers are, whatever types they are stored in; NaN equals NaN.
Difference difference(const std::map<std::string, const StoredTensor*>& a, const std::map<std::string, const StoredTensor*>& b);

}  // namespace mcnn
