// Decodes JPEG with libjpeg-turbo, with PIL's settings.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

bool is_jpeg(std::span<const std::byte> bytes);

/// Pixels as stored, EXIF orientation not yet applied. Grey and CMYK (Adobe's inverted convention) become RGB.
/// Throws Error "name: why", also for a truncated file.
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels);

}  // namespace mcnn
