// EXIF orientation: phones store the sensor's pixels and a tag (0x0112) that says how to rotate them.
// Source: CIPA DC-008 (Exif 2.32), section 4.6.4, and TIFF 6.0 for the layout of the tags.
#pragma once
#include <cstddef>
#include <span>

#include "data/image.h"

namespace mcnn {

/// The orientation in a JPEG's APP1 segment, 1 to 8; 1 (upright) if there is none or it is invalid.
int exif_orientation(std::span<const std::byte> jpeg);

/// The same from a block of TIFF tags alone, as other formats store it.
int tiff_orientation(std::span<const std::byte> tiff);

/// Rotates and mirrors `image` so that the photo is upright.
Image upright(Image image, int orientation);

}  // namespace mcnn
