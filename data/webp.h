// WebP by libwebp, as Pillow decodes it.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Still pictures, upright by their EXIF; transparency is dropped. Throws Error "name: why" for a moving one, one that ends early, and
/// where this build has no libwebp.
Image decode_webp(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels);

}  // namespace mcnn
