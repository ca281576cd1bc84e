// Rounding follows the published implementations; other rounding moves the crop by a pixel in a fifth of all photos.
// Contract: preprocess.h.
#include "data/preprocess.h"

#include <algorithm>

#include "data/resize_tensorflow.h"
#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

int crop_offset(int length, int crop) {
  const int lower = (length - crop) / 2;
  const bool half = (length - crop) % 2 != 0;
  return half && lower % 2 != 0 ? lower + 1 : lower;
}

Image square_first(const Image& image, const Preprocess& settings, const std::string& name) {
  const int shorter = std::min(image.width, image.height);
  const double share = static_cast<double>(settings.crop) / (settings.resize != 0 ? settings.resize : settings.crop);
  const int side = static_cast<int>(static_cast<float>(share) * static_cast<float>(shorter));  // fp32, as TensorFlow
  if (side < 1) fail("{}: {}x{} has no central square", name, image.width, image.height);
  return resize_tensorflow(image, {(image.width - side + 1) / 2, (image.height - side + 1) / 2, side, side}, settings.crop, settings.crop);
}

}  // namespace

CropRule parse_crop_rule(const std::string& name) {
  if (name == "timm" || name == "torchvision") return CropRule::shorter_side;
  if (name == "tensorflow") return CropRule::square_first;
  fail("crop_rule '{}' is none of timm, torchvision, tensorflow{}", name, did_you_mean(name, {"timm", "torchvision", "tensorflow"}));
}

const char* name_of(CropRule rule) { return rule == CropRule::shorter_side ? "timm" : "tensorflow"; }

void check(const Preprocess& settings) {
  constexpr int kLargest = 4096;
  if (settings.crop < 1 || settings.crop > kLargest) fail("[data] crop = {}, expected 1 to {}", settings.crop, kLargest);
  if (settings.resize != 0 && (settings.resize < settings.crop || settings.resize > kLargest))
    fail("[data] resize = {}, expected 0 (as crop) or {} (crop) to {}", settings.resize, settings.crop, kLargest);
  if (settings.crop_rule == CropRule::square_first && settings.interpolation != Interpolation::bicubic)
    fail("[data] interpolation = bilinear, expected bicubic with crop_rule = tensorflow");
}

Image preprocess(const Image& image, const Preprocess& settings, const std::string& name) {
  check(settings);
  const int64_t shorter = settings.resize != 0 ? settings.resize : settings.crop;
  const int64_t from_shorter = std::min(image.width, image.height);
  if (from_shorter < 1) fail("{}: {}x{} are no pixels", name, image.width, image.height);
  if (settings.crop_rule == CropRule::square_first) return square_first(image, settings, name);
  const int64_t longer = shorter * std::max(image.width, image.height) / from_shorter;
  if (shorter * longer > kMostPixels)
    fail("{}: {}x{} is too narrow to be resized to a shorter side of {}", name, image.width, image.height, shorter);
  const int width = static_cast<int>(image.width <= image.height ? shorter : longer);
  const int height = static_cast<int>(image.width <= image.height ? longer : shorter);
  return resize(image, width, height, settings.interpolation,
                {crop_offset(width, settings.crop), crop_offset(height, settings.crop), settings.crop, settings.crop});
}

}  // namespace mcnn
