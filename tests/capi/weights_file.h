// A weights file of a tiny network and photos to classify, for the tests of the C API.
#pragma once
#include <string>
#include <vector>

#include "data/image.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {

/// The network's class names.
const std::vector<std::string>& tiny_classes();

/// Writes run/best.safetensors in `folder`: b0 at a quarter of its width, with random weights; photos are resized to 55 and cropped to
/// 48x48. `broken`: with weights whose results are not finite. Returns the file's path.
std::string write_tiny_weights(const TemporaryFolder& folder, bool broken = false);

/// The engine's answers, without the API.
std::vector<float> engine_answer(const std::string& weights, const Image& photo);

}  // namespace mcnn
