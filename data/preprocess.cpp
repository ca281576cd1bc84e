// The roundings are the published ones: others move the crop by a pixel in a fifth of all photos.  Contract: preprocess.h.
#include "data/preprocess.h"

#include <algorithm>

#include "runtime/error.h"

namespace mcnn {
namespace {

int crop_offset(int length, int crop) {
  const int lower = (length - crop) / 2;
  const bool half = (length - crop) % 2 != 0;
  return half && lower % 2 != 0 ? lower + 1 : lower;
}

}  // namespace

void check(const Preprocess& settings) {
  constexpr int kLargest = 4096;
  if (settings.crop < 1 || settings.crop > kLargest) fail("[data] crop = {}, expected 1 to {}", settings.crop, kLargest);
  if (settings.resize != 0 && (settings.resize < settings.crop || settings.resize > kLargest))
    fail("[data] resize = {}, expected 0 (as crop) or {} (crop) to {}", settings.resize, settings.crop, kLargest);
}

Image preprocess(const Image& image, const Preprocess& settings, const std::string& name) {
  check(settings);
  const int64_t shorter = settings.resize != 0 ? settings.resize : settings.crop;
  const int64_t from_shorter = std::min(image.width, image.height);
  if (from_shorter < 1) fail("{}: {}x{} are no pixels", name, image.width, image.height);
  const int64_t longer = shorter * std::max(image.width, image.height) / from_shorter;
  if (shorter * longer > kMostPixels)
    fail("{}: {}x{} is too narrow to be resized to a shorter side of {}", name, image.width, image.height, shorter);
  const int width = static_cast<int>(image.width <= image.height ? shorter : longer);
  const int height = static_cast<int>(image.width <= image.height ? longer : shorter);
  return resize(image, width, height, settings.interpolation,
                {crop_offset(width, settings.crop), crop_offset(height, settings.crop), settings.crop, settings.crop});
}

}  // namespace mcnn
