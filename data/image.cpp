// Picks the decoder by what the file holds, never by its name.  Contract: image.h.
#include "data/image.h"

#include "data/exif.h"
#include "data/file_bytes.h"
#include "data/jpeg.h"
#include "data/stb_decoder.h"
#include "runtime/error.h"

namespace mcnn {

Image decode_image(const std::string& path) { return decode_image(read_file(path), path); }

Image decode_image(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.empty()) fail("{}: is empty", name);
  if (is_jpeg(bytes)) return upright(decode_jpeg(bytes, name), exif_orientation(bytes));
  return decode_with_stb(bytes, name);
}

}  // namespace mcnn
