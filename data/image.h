// Decodes photos. JPEG is decoded as PIL does it (libjpeg-turbo, exact integer DCT, fancy upsampling), so that a network trained
// elsewhere sees the same pixels; PNG, BMP and GIF by stb_image, WebP by libwebp, HEIC and AVIF by libheif if a build has it.
// Transparency is dropped, CMYK and grey become RGB, and EXIF orientation is applied: the result is upright.
// Next: image_format.cpp, jpeg.cpp, webp.cpp, heif.cpp, exif.cpp, preprocess.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mcnn {

struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  ///< (H,W,3)
};

/// The largest photo that is decoded: 300 MB of pixels. Larger ones are refused before memory is allocated.
inline constexpr int64_t kMostPixels = 100'000'000;

/// Throws Error "path: why" if the file cannot be read, is no image, is truncated or has more than kMostPixels.
Image decode_image(const std::string& path);
/// The same from a file's bytes; `name` is used in messages.
Image decode_image(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels = kMostPixels);

/// Called by decoders after reading the header. Throws Error "photo: 61680x61680 is more than 100 million pixels; ...", which names the
/// settings that allow more, or "photo: 7x0 are no pixels".
void require_decodable(int64_t width, int64_t height, int64_t most_pixels, const std::string& name);

}  // namespace mcnn
