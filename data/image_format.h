// Recognises a file's format by its first bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mcnn {

enum class ImageFormat : uint8_t {
  jpeg,
  png_bmp_gif,  ///< also for unknown files, which stb_image then refuses
  webp,
  heif,   ///< HEIC or AVIF
  other,  ///< a known format that is not decoded
};

struct FoundFormat {
  ImageFormat format;
  std::string name;  ///< set for heif and other: "AVIF", "TIFF"
};

FoundFormat format_of(std::span<const std::byte> bytes);

}  // namespace mcnn
