// Encodes drawn photos as JPEG or PNG. Next: dataset.cpp writes them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn::synthetic {

/// pixels (height, width, channels): 1 is grey, 3 is RGB, 4 is Adobe's inverted CMYK.
std::string encode_jpeg(const std::vector<uint8_t>& pixels, int width, int height, int quality, int channels = 3, bool progressive = false);
/// pixels (height, width, 3) RGB.
std::string encode_png(const std::vector<uint8_t>& pixels, int width, int height);

}  // namespace mcnn::synthetic
