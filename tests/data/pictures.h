// Pictures made for the tests, as the bytes of a file.
#pragma once
#include <string>

#include "data/image.h"

namespace mcnn {

/// Smooth colours that depend on the seed and change little in JPEG.
Image smooth_picture(int width, int height, int seed = 0);

std::string jpeg_file(const Image& image, int quality = 95, bool progressive = false);
std::string grey_jpeg_file(const Image& image);  ///< of the green channel
std::string cmyk_jpeg_file(const Image& image);  ///< Adobe's inverted CMYK without black
std::string png_file(const Image& image);
std::string bmp_file(const Image& image);

/// Converts pairs of hexadecimal digits to bytes.
std::string from_hex(const std::string& hex);

/// Inserts an APP1 segment with an orientation tag after the start marker of `jpeg`.
std::string with_orientation(const std::string& jpeg, int orientation, bool big_endian);

}  // namespace mcnn
