// Decodes PNG, BMP and GIF (its first frame) with stb_image.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Throws Error "name: why", also for a truncated file.
Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels);

}  // namespace mcnn
