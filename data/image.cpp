// Picks the decoder by what the file holds, never by its name.  Contract: image.h.
#include "data/image.h"

#include "data/exif.h"
#include "data/file_bytes.h"
#include "data/jpeg.h"
#include "data/stb_decoder.h"
#include "runtime/error.h"

namespace mcnn {

Image decode_image(const std::string& path) { return decode_image(read_file(path), path); }

Image decode_image(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  if (bytes.empty()) fail("{}: is empty", name);
  if (is_jpeg(bytes)) return upright(decode_jpeg(bytes, name, most_pixels), exif_orientation(bytes));
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
