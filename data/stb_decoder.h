// PNG, BMP and GIF (its first frame) by stb_image.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Throws Error "name: why"; a file that ends early is an error.
Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels);

}  // namespace mcnn
