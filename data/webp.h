// Decodes WebP with libwebp to the same pixels as Pillow.  Next: image.cpp calls it for WebP files.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Decodes a still picture, applies its EXIF orientation and drops transparency. Throws Error "name: why" for an animation, a truncated
/// file, and in builds without libwebp.
Image decode_webp(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels);

}  // namespace mcnn
