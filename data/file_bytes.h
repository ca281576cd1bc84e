// Reads a whole file into memory. (Not mapped: photos are read once, from beginning to end.)
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace mcnn {

/// Throws Error if `path` is not a regular file, cannot be read, or is larger than 1 GiB (no photo is).
std::vector<std::byte> read_file(const std::string& path);

}  // namespace mcnn
