// Arbitrary photos: decode_image (JPEG with its EXIF; PNG, BMP, GIF by stb) returns or throws Error; a returned image has width*height
// pixels and can be preprocessed.  Next: data/jpeg.cpp, data/stb_decoder.cpp, data/exif.cpp.
#include "data/image.h"

#include <cstdlib>

#include "data/exif.h"
#include "data/preprocess.h"
#include "runtime/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  constexpr int64_t kMostPixels = 1 << 16;  // larger pictures would only take more time
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const int orientation = mcnn::exif_orientation(bytes);
  if (orientation < 1 || orientation > 8) std::abort();
  mcnn::Image image;
  try {
    image = mcnn::decode_image(bytes, "photo", kMostPixels);
  } catch (const mcnn::Error&) {
    return 0;
  }
  const int64_t pixels = int64_t{image.width} * image.height;
  if (image.width < 1 || image.height < 1 || pixels > kMostPixels) std::abort();
  if (image.rgb.size() != static_cast<std::size_t>(3 * pixels)) std::abort();
  for (const mcnn::CropRule rule : {mcnn::CropRule::shorter_side, mcnn::CropRule::square_first}) {
    try {
      if (mcnn::preprocess(image, {.resize = 12, .crop = 8, .crop_rule = rule}).rgb.size() != 8 * 8 * 3) std::abort();
    } catch (const mcnn::Error&) {  // too narrow for its length
    }
  }
  return 0;
}
