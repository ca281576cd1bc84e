// Recognises formats by signatures from their specifications, as file(1) lists them.
#include "data/image_format.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "data/jpeg.h"

namespace mcnn {

using namespace std::string_view_literals;

FoundFormat format_of(std::span<const std::byte> bytes) {
  if (is_jpeg(bytes)) return {ImageFormat::jpeg, {}};
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto at = [&](std::size_t offset, std::string_view signature) {
    return text.size() >= offset + signature.size() && text.substr(offset, signature.size()) == signature;
  };
  if (at(0, "RIFF") && at(8, "WEBP")) return {ImageFormat::webp, {}};
  if (at(4, "ftyp")) {  // an ISO media file: size (4), "ftyp", major brand, version (4), compatible brands (ISO/IEC 14496-12, section 4.3)
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<std::size_t>(bytes[i]);
    const auto has = [&](std::initializer_list<std::string_view> brands) {
      for (std::size_t place = 8; place + 4 <= std::min({size, text.size(), std::size_t{512}}); place += place == 8 ? 8 : 4)
        for (const std::string_view brand : brands)
          if (at(place, brand)) return true;
      return false;
    };
    if (has({"avif", "avis"})) return {ImageFormat::heif, "AVIF"};
    if (has({"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1"})) return {ImageFormat::heif, "HEIC"};
    if (has({"crx "})) return {ImageFormat::other, "raw (Canon CR3)"};
    if (has({"isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "qt  ", "M4V ", "MSNV", "3gp4", "3gp5", "dash"}))
      return {ImageFormat::other, "video (MP4 or QuickTime)"};
  }
  struct Signature {
    std::string_view bytes, name;
  };
  static constexpr std::array kOthers = {Signature{"II*\0"sv, "TIFF or raw"},
                                         Signature{"MM\0*"sv, "TIFF or raw"},
                                         Signature{"II+\0"sv, "BigTIFF"},
                                         Signature{"MM\0+"sv, "BigTIFF"},
                                         Signature{"IIRO"sv, "raw (Olympus)"},
                                         Signature{"IIU\0"sv, "raw (Panasonic)"},
                                         Signature{"FUJIFILM"sv, "raw (Fuji)"},
                                         Signature{"\xff\x0a"sv, "JPEG XL"},
                                         Signature{"\0\0\0\x0cJXL "sv, "JPEG XL"},
                                         Signature{"\0\0\0\x0cjP  "sv, "JPEG 2000"},
                                         Signature{"\xff\x4f\xff\x51"sv, "JPEG 2000"},
                                         Signature{"8BPS"sv, "Photoshop"},
                                         Signature{"%PDF"sv, "PDF"},
                                         Signature{"<svg"sv, "SVG"},
                                         Signature{"<?xml"sv, "XML or SVG"},
                                         Signature{"<!DOCTYPE"sv, "HTML"},
                                         Signature{"<html"sv, "HTML"},
                                         Signature{"PK\x03\x04"sv, "zip"},
                                         Signature{"\x1f\x8b"sv, "gzip"},
                                         Signature{"\x00\x00\x01\x00"sv, "Windows icon"},
                                         Signature{"gimp xcf"sv, "GIMP"},
                                         Signature{"qoif"sv, "QOI"},
                                         Signature{"DDS "sv, "DDS"},
                                         Signature{"\x76\x2f\x31\x01"sv, "OpenEXR"},
                                         Signature{"\x1a\x45\xdf\xa3"sv, "video (Matroska or WebM)"},
                                         Signature{"version https://git-lfs"sv, "Git LFS pointer"}};
  for (const Signature& other : kOthers)
    if (at(0, other.bytes)) return {ImageFormat::other, std::string(other.name)};
  return {ImageFormat::png_bmp_gif, {}};
}

}  // namespace mcnn
