// HEIC and AVIF, what phones save today, by libheif where a build has it.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "data/image.h"

namespace mcnn {

/// Whether this build and this machine have libheif.
bool decodes_heif();

/// The primary picture, turned as the file says; transparency is dropped. Throws Error "name: why", also where there is no libheif.
/// `format`: "HEIC" or "AVIF", for messages.
Image decode_heif(std::span<const std::byte> bytes, const std::string& name, const std::string& format, int64_t most_pixels);

}  // namespace mcnn
