// Decodes HEIC and AVIF, the formats of current phones, with libheif if the build and the machine have it.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Whether this build and this machine have libheif.
bool decodes_heif();

/// The primary picture, rotated as the file says, without transparency. Throws Error "name: why", also if there is no libheif.
/// `format`: "HEIC" or "AVIF", for messages.
Image decode_heif(std::span<const std::byte> bytes, const std::string& name, const std::string& format, int64_t most_pixels);

}  // namespace mcnn
