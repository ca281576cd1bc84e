// Which files hold the same bytes, whatever they are called: a photo that was copied must not be trained on and tested on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn {

/// For each path the index of the first path with the same content (its own, if it is the first, or if it is empty). Only files of equal
/// size are read; a hash finds the candidates and the bytes decide. Throws Error if a file cannot be read.
std::vector<std::size_t> first_with_same_content(const std::vector<std::string>& paths);

}  // namespace mcnn
