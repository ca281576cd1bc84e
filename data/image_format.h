// What a file holds, by its first bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mcnn {

enum class ImageFormat : uint8_t {
  jpeg,
  png_bmp_gif,  ///< or nothing that is known
  webp,
  heif,   ///< HEIC or AVIF
  other,  ///< known, and not read
};

struct FoundFormat {
  ImageFormat format;
  std::string name;  ///< of heif and other: "AVIF", "TIFF"
};

FoundFormat format_of(std::span<const std::byte> bytes);

}  // namespace mcnn
