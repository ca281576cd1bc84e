#include "data/webp.h"

#include "data/exif.h"
#include "runtime/error.h"
#ifdef MCNN_WITH_WEBP
#include <webp/decode.h>
#endif

#include <cstdint>
#include <cstring>

namespace mcnn {

#ifdef MCNN_WITH_WEBP
namespace {

/// The orientation in the chunk EXIF. A RIFF file is "RIFF", size (4), "WEBP", then chunks: name (4), size (4, little-endian), content,
/// padded to even.
int orientation_of(std::span<const std::byte> webp) {
  constexpr std::size_t kHeader = 12, kChunk = 8;
  for (std::size_t at = kHeader; webp.size() >= kChunk && at <= webp.size() - kChunk;) {
    uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size |= static_cast<uint32_t>(webp[at + 4 + i]) << (8 * i);
    const std::span<const std::byte> rest = webp.subspan(at + kChunk);
    if (size > rest.size()) return 1;
    if (std::memcmp(webp.data() + at, "EXIF", 4) == 0) {
      std::span<const std::byte> tiff = rest.first(size);
      if (tiff.size() > 6 && std::memcmp(tiff.data(), "Exif\0", 6) == 0) tiff = tiff.subspan(6);  // some writers keep JPEG's header
      return tiff_orientation(tiff);
    }
    at += kChunk + size + size % 2;
  }
  return 1;
}

}  // namespace

Image decode_webp(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(data, bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail("{}: cannot be decoded: it is cut short", name);
  if (status != VP8_STATUS_OK) fail("{}: cannot be decoded: the WebP's header is broken", name);
  if (features.has_animation) fail("{}: is a moving WebP picture; only still ones are read", name);
  require_decodable(features.width, features.height, most_pixels, name);
  Image image{features.width, features.height, {}};
  image.rgb.resize(std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  if (!WebPDecodeRGBInto(data, bytes.size(), image.rgb.data(), image.rgb.size(), 3 * image.width))
    fail("{}: cannot be decoded: it is cut short or damaged", name);
  return upright(std::move(image), orientation_of(bytes));
}
#else
Image decode_webp(std::span<const std::byte>, const std::string& name, int64_t) {
  fail(
      "{}: is a WebP picture, and this build was made without libwebp (Debian: libwebp-dev); make it again with it, or convert the photo "
      "to JPEG or PNG",
      name);
}
#endif

}  // namespace mcnn
