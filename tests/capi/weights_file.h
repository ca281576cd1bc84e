// A weights file of a tiny network and the photos it is asked about, for the tests of the C API.
#pragma once
#include <string>
#include <vector>

#include "data/image.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {

/// The network's class names.
const std::vector<std::string>& tiny_classes();

/// run/best.safetensors in `folder`: b0 at a quarter of its width, of random weights, seeing 48x48 of 55. `broken`: with a
/// running variance that is no number a network can compute with. Returns the file's path.
std::string write_tiny_weights(const TemporaryFolder& folder, bool broken = false);

/// What the engine itself answers, without the API.
std::vector<float> engine_answer(const std::string& weights, const Image& photo);

}  // namespace mcnn
