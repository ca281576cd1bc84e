// Pictures made for the tests, as the bytes of a file.
#pragma once
#include <string>

#include "data/image.h"

namespace mcnn {

/// Smooth colours that differ from seed to seed: they survive JPEG.
Image smooth_picture(int width, int height, int seed = 0);

std::string jpeg_file(const Image& image, int quality = 95, bool progressive = false);
std::string grey_jpeg_file(const Image& image);  ///< of the green channel
std::string cmyk_jpeg_file(const Image& image);  ///< Adobe's inverted CMYK without black
std::string png_file(const Image& image);
std::string bmp_file(const Image& image);

/// The bytes that pairs of hexadecimal digits stand for.
std::string from_hex(const std::string& hex);

/// An APP1 segment with an orientation tag, set in behind the start marker of `jpeg`.
std::string with_orientation(const std::string& jpeg, int orientation, bool big_endian);

}  // namespace mcnn
