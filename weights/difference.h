// Compares two weights files tensor by tensor, also if they use different namings.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "formats/tensor_file.h"
#include "models/published_networks.h"

namespace mcnn {

/// The file's tensors by timm's names, without wrappers' prefixes; a tensor that the network does not have keeps its name.
/// Throws Error if two tensors get the same name.
std::map<std::string, const StoredTensor*> by_timm_name(const TensorFile& file, const Network& network);

struct Difference {
  std::vector<std::string> lines;  ///< one for each tensor that differs, is missing or extra: its name and the difference
  std::size_t compared = 0;        ///< tensors in both files
  std::size_t counters = 0;        ///< num_batches_tracked in only one file: not a difference, since nothing reads it
  double largest = 0;              ///< max|a-b| of all compared tensors; NaN if a NaN is compared with a number
};

/// Compares values as numbers, whatever types they are stored in; NaN equals NaN.
Difference difference(const std::map<std::string, const StoredTensor*>& a, const std::map<std::string, const StoredTensor*>& b);

}  // namespace mcnn
