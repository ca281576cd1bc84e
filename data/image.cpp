// Chooses the decoder by the file's first bytes, not by its name.  Contract: image.h.
#include "data/image.h"

#include "data/exif.h"
#include "data/file_bytes.h"
#include "data/heif.h"
#include "data/image_format.h"
#include "data/jpeg.h"
#include "data/stb_decoder.h"
#include "data/webp.h"
#include "runtime/error.h"

namespace mcnn {

Image decode_image(const std::string& path) { return decode_image(read_file(path), path); }

Image decode_image(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  if (bytes.empty()) fail("{}: is empty", name);
  const FoundFormat found = format_of(bytes);
  switch (found.format) {
    case ImageFormat::jpeg: return upright(decode_jpeg(bytes, name, most_pixels), exif_orientation(bytes));
    case ImageFormat::webp: return decode_webp(bytes, name, most_pixels);
    case ImageFormat::heif: return decode_heif(bytes, name, found.name, most_pixels);
    case ImageFormat::other: fail("{}: is a {} file, which is not read; convert it to JPEG or PNG", name, found.name);
    case ImageFormat::png_bmp_gif: break;
  }
  return decode_with_stb(bytes, name, most_pixels);
}

void require_decodable(int64_t width, int64_t height, int64_t most_pixels, const std::string& name) {
  if (width < 1 || height < 1) fail("{}: {}x{} are no pixels", name, width, height);
  if (width * height > most_pixels)
    fail(
        "{}: {}x{} is more than {:g} million pixels; [data] max_megapixels, --max-megapixels and "
        "mcnn_options.most_pixels allow more",
        name, width, height, static_cast<double>(most_pixels) / 1e6);
}

}  // namespace mcnn
