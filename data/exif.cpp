// Parses EXIF. The bytes are not trusted: every read is checked against the end of its segment.  Contract: exif.h.
#include "data/exif.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace mcnn {
namespace {

using Bytes = std::span<const std::byte>;

std::optional<uint32_t> number(Bytes bytes, std::size_t at, std::size_t size, bool big_endian) {
  if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
  uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint32_t>(bytes[at + (big_endian ? i : size - 1 - i)]);
  return value;
}

}  // namespace

/// TIFF: byte order "II" or "MM", 42, offset of the first directory; a directory is a count and entries of 12 bytes:
/// tag (2), type (2), count (4), value (4: a short stands in the first two).
int tiff_orientation(Bytes tiff) {
  constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;
  if (tiff.size() < 8) return 1;
  const bool big_endian = tiff[0] == std::byte{'M'};
  if (tiff[0] != tiff[1] || (!big_endian && tiff[0] != std::byte{'I'}) || number(tiff, 2, 2, big_endian) != 42u) return 1;
  const std::size_t directory = *number(tiff, 4, 4, big_endian);
  const uint32_t entries = number(tiff, directory, 2, big_endian).value_or(0);
  for (uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    const auto tag = number(tiff, entry, 2, big_endian);
    if (!tag) return 1;
    if (tag != kOrientationTag) continue;
    const uint32_t value = number(tiff, entry + 8, 2, big_endian).value_or(1);
    return number(tiff, entry + 2, 2, big_endian) == kShort && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int exif_orientation(Bytes jpeg) {
  constexpr char kExif[] = "Exif\0";  // six bytes with the final zero
  std::size_t at = 2;                 // after the start marker FF D8
  while (true) {
    const uint32_t marker = number(jpeg, at, 2, true).value_or(0);
    if (marker == 0xFFFF) {  // fill byte
      ++at;
      continue;
    }
    const uint32_t length = number(jpeg, at + 2, 2, true).value_or(0);  // counts itself, not the marker
    const bool has_body = marker >= 0xFFC0 && marker != 0xFFDA && length >= 2 && length <= jpeg.size() - at - 2;
    if (!has_body) return 1;  // 0xFFDA: the pixels begin
    const Bytes body = jpeg.subspan(at + 4, length - 2);
    if (marker == 0xFFE1 && body.size() >= sizeof kExif && std::memcmp(body.data(), kExif, sizeof kExif) == 0)
      return tiff_orientation(body.subspan(sizeof kExif));
    at += 2 + length;
  }
}

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swaps_axes = orientation >= 5;
  Image out{swaps_axes ? image.height : image.width, swaps_axes ? image.width : image.height, {}};
  out.rgb.resize(image.rgb.size());
  uint8_t* to = out.rgb.data();
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x, to += 3) {
      const int right = out.width - 1 - x, up = out.height - 1 - y;
      int from_x = 0, from_y = 0;  // the tag says which sides of the upright photo the file's row 0 and column 0 are
      switch (orientation) {
        case 2: from_x = right, from_y = y; break;   // mirrored
        case 3: from_x = right, from_y = up; break;  // upside down
        case 4: from_x = x, from_y = up; break;      // mirrored, upside down
        case 5: from_x = y, from_y = x; break;       // transposed
        case 6: from_x = y, from_y = right; break;   // to be turned a quarter clockwise
        case 7: from_x = up, from_y = right; break;  // transposed along the other diagonal
        case 8: from_x = up, from_y = x; break;      // to be turned a quarter anticlockwise
      }
      std::memcpy(to, image.rgb.data() + 3 * (std::size_t(from_y) * std::size_t(image.width) + std::size_t(from_x)), 3);
    }
  return out;
}

}  // namespace mcnn
