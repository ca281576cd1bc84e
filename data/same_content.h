// Finds files with the same bytes. A split uses it, so that a copy of a training photo is not held out.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn {

/// For each path, the index of the first path with the same content (its own index if it is the first, or if the file is empty). Only files
/// of equal size are read; a hash finds candidates, whose bytes are compared. Throws Error if a file cannot be read.
std::vector<std::size_t> first_with_same_content(const std::vector<std::string>& paths);

}  // namespace mcnn
