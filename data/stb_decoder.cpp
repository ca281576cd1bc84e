// Compiles stb_image with the formats that have a signature (its other formats would accept any file). At the end of a file stb reads
// zeros; the callbacks here detect that.  Contract: stb_decoder.h.
#include "data/stb_decoder.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/error.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
// For an empty chunk stb calls memcpy with a null pointer and 0 bytes: formally undefined, but without effect.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("nonnull-attribute"))), apply_to = function)
#endif
#include <stb/stb_image.h>
#ifdef __clang__
#pragma clang attribute pop
#endif
#pragma GCC diagnostic pop

namespace mcnn {
namespace {

struct Source {
  std::span<const std::byte> rest;
  bool beyond_end = false;  ///< stb has tried to read past the end
};

int read_some(void* user, char* data, int size) {
  Source& source = *static_cast<Source*>(user);
  if (source.rest.empty() && size > 0) source.beyond_end = true;
  const std::size_t n = std::min(source.rest.size(), static_cast<std::size_t>(size));
  if (n > 0) std::memcpy(data, source.rest.data(), n);
  source.rest = source.rest.subspan(n);
  return static_cast<int>(n);
}

void skip_some(void* user, int size) {  // stb skips forward only
  Source& source = *static_cast<Source*>(user);
  const std::size_t n = static_cast<std::size_t>(std::max(size, 0));
  if (n > source.rest.size()) source.beyond_end = true;
  source.rest = source.rest.subspan(std::min(n, source.rest.size()));
}

int at_end(void* user) { return static_cast<Source*>(user)->rest.empty() ? 1 : 0; }

/// Whether a PNG contains all its chunks completely. Checked because stb allocates a chunk's stated length, up to 2 GB, before reading it.
/// A chunk is its length (4, big-endian), type (4), content and checksum (4). Source: PNG specification, section 5.3.
bool png_is_whole(std::span<const std::byte> png) {
  constexpr std::size_t kSignature = 8, kFrame = 12;
  for (std::size_t at = kSignature; png.size() - at >= kFrame;) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<std::size_t>(png[at + i]);
    if (length > png.size() - at - kFrame) return false;
    if (std::memcmp(png.data() + at + 4, "IEND", 4) == 0) return true;
    at += kFrame + length;
  }
  return false;
}

constexpr stbi_io_callbacks kCallbacks{read_some, skip_some, at_end};

}  // namespace

Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  Source header{bytes};
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_callbacks(&kCallbacks, &header, &width, &height, &channels) == 0)
    fail("{}: is not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF picture", name);
  require_decodable(width, height, most_pixels, name);
  const bool is_png = bytes.size() > 8 && bytes[0] == std::byte{0x89};  // no other format that stb decodes begins with this byte
  if (is_png && !png_is_whole(bytes)) fail("{}: cannot be decoded: it is cut short", name);

  Source source{bytes};
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load_from_callbacks(&kCallbacks, &source, &width, &height, &channels, 3),
                                                         stbi_image_free);
  if (!pixels) fail("{}: cannot be decoded: {}", name, source.beyond_end ? "it is cut short" : stbi_failure_reason());
  if (source.beyond_end) fail("{}: cannot be decoded: it is cut short", name);
  Image image{width, height, {}};
  image.rgb.assign(pixels.get(), pixels.get() + std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  return image;
}

}  // namespace mcnn
