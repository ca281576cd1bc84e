// Decodes with libheif, which is opened at the first HEIC or AVIF photo: it loads four codecs, 25 MB that other photos do not need.
// Contract: heif.h.
#include "data/heif.h"

#include "runtime/error.h"
#ifdef MCNN_WITH_HEIF
#include <dlfcn.h>
#include <libheif/heif.h>

#include <cstring>
#include <memory>
#endif

namespace mcnn {

#ifdef MCNN_WITH_HEIF
namespace {

/// The functions of libheif that are used, under their names.
struct Library {
  void* handle = ::dlopen("libheif.so.1", RTLD_NOW | RTLD_LOCAL);
  template <class Function>
  Function find(const char* name) const {
    return handle ? reinterpret_cast<Function>(::dlsym(handle, name)) : nullptr;
  }
  decltype(&heif_context_alloc) context_alloc = find<decltype(&heif_context_alloc)>("heif_context_alloc");
  decltype(&heif_context_free) context_free = find<decltype(&heif_context_free)>("heif_context_free");
  decltype(&heif_context_read_from_memory_without_copy) read =
      find<decltype(&heif_context_read_from_memory_without_copy)>("heif_context_read_from_memory_without_copy");
  decltype(&heif_context_get_primary_image_handle) primary =
      find<decltype(&heif_context_get_primary_image_handle)>("heif_context_get_primary_image_handle");
  decltype(&heif_image_handle_release) handle_release = find<decltype(&heif_image_handle_release)>("heif_image_handle_release");
  decltype(&heif_image_handle_get_width) handle_width = find<decltype(&heif_image_handle_get_width)>("heif_image_handle_get_width");
  decltype(&heif_image_handle_get_height) handle_height = find<decltype(&heif_image_handle_get_height)>("heif_image_handle_get_height");
  decltype(&heif_decode_image) decode = find<decltype(&heif_decode_image)>("heif_decode_image");
  decltype(&heif_image_release) image_release = find<decltype(&heif_image_release)>("heif_image_release");
  decltype(&heif_image_get_width) width = find<decltype(&heif_image_get_width)>("heif_image_get_width");
  decltype(&heif_image_get_height) height = find<decltype(&heif_image_get_height)>("heif_image_get_height");
  decltype(&heif_image_get_plane_readonly) plane = find<decltype(&heif_image_get_plane_readonly)>("heif_image_get_plane_readonly");

  bool is_whole() const {
    return context_alloc && context_free && read && primary && handle_release && handle_width && handle_height && decode && image_release &&
           width && height && plane;
  }
};

/// The library stays open, because its codecs keep threads and tables.
const Library& library() {
  static const Library opened;
  return opened;
}

void require(const heif_error& error, const std::string& name) {
  if (error.code != heif_error_Ok) fail("{}: cannot be decoded: {}", name, error.message);
}

}  // namespace

bool decodes_heif() { return library().is_whole(); }

Image decode_heif(std::span<const std::byte> bytes, const std::string& name, const std::string& format, int64_t most_pixels) {
  const Library& heif = library();
  if (!heif.is_whole())
    fail("{}: is an {} picture, and this machine has no libheif.so.1 (Debian: libheif1); convert the photo to JPEG or PNG", name, format);
  const std::unique_ptr<heif_context, void (*)(heif_context*)> context(heif.context_alloc(), heif.context_free);
  if (!context) fail("{}: no memory for its decoder", name);
  require(heif.read(context.get(), bytes.data(), bytes.size(), nullptr), name);
  heif_image_handle* found = nullptr;
  require(heif.primary(context.get(), &found), name);
  const std::unique_ptr<heif_image_handle, void (*)(const heif_image_handle*)> handle(found, heif.handle_release);
  require_decodable(heif.handle_width(found), heif.handle_height(found), most_pixels, name);

  heif_image* decoded = nullptr;
  require(heif.decode(found, &decoded, heif_colorspace_RGB, heif_chroma_interleaved_RGB, nullptr), name);
  const std::unique_ptr<heif_image, void (*)(const heif_image*)> pixels(decoded, heif.image_release);
  int pitch = 0;
  const uint8_t* rows = heif.plane(decoded, heif_channel_interleaved, &pitch);
  Image image{heif.width(decoded, heif_channel_interleaved), heif.height(decoded, heif_channel_interleaved), {}};
  require_decodable(image.width, image.height, most_pixels, name);
  if (rows == nullptr) fail("{}: cannot be decoded: it has no pixels", name);
  const std::size_t row = std::size_t{3} * static_cast<std::size_t>(image.width);
  image.rgb.resize(row * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y)
    std::memcpy(image.rgb.data() + row * static_cast<std::size_t>(y), rows + static_cast<std::ptrdiff_t>(pitch) * y, row);
  return image;
}
#else
bool decodes_heif() { return false; }

Image decode_heif(std::span<const std::byte>, const std::string& name, const std::string& format, int64_t) {
  fail("{}: is an {} picture, and this build was made without libheif (Debian: libheif-dev); convert the photo to JPEG or PNG", name,
       format);
}
#endif

}  // namespace mcnn
