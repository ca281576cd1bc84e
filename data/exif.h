// EXIF orientation: phones store what the sensor saw and a tag (0x0112) that says how to turn it.
// Source: CIPA DC-008 (Exif 2.32), section 4.6.4, and TIFF 6.0 for the layout of the tags.
#pragma once
#include <cstddef>
#include <span>

#include "data/image.h"

namespace mcnn {

/// 1 to 8, from a JPEG's APP1 segment; 1 (upright) where there is none or it makes no sense.
int exif_orientation(std::span<const std::byte> jpeg);

/// The same from a block of tags by itself, as other formats keep it.
int tiff_orientation(std::span<const std::byte> tiff);

/// Turns and mirrors `image` so that the photo stands upright.
Image upright(Image image, int orientation);

}  // namespace mcnn
