// Encodes drawn photos as JPEG or PNG. Next: dataset.cpp writes them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn::synthetic {

/// pixels (height, width, 3) RGB.
std::string encode_jpeg(const std::vector<uint8_t>& pixels, int width, int height, int quality);
std::string encode_png(const std::vector<uint8_t>& pixels, int width, int height);

}  // namespace mcnn::synthetic
