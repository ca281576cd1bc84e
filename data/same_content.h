// Finds files with the same bytes. split.cpp uses it to keep copies of a photo on one side,
// dataset_check.cpp to report them.  Next: split.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn {

/// For each path, the index of the first path with the same content (its own index if it is the first, or if the file is empty). A file is
/// read only if another has its size. Equal hashes mark candidates; equal bytes decide. Throws Error if a file cannot be read.
std::vector<std::size_t> first_with_same_content(const std::vector<std::string>& paths);

}  // namespace mcnn
