// Encodes JPEG with libjpeg and PNG with stb, both to memory; dataset.cpp writes the files and reports failures.
#include "drawn_faces/encode.h"

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "runtime/error.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace mcnn::synthetic {
namespace {

[[noreturn]] void jpeg_failed(j_common_ptr info) {
  char reason[JMSG_LENGTH_MAX];
  info->err->format_message(info, reason);
  fail("JPEG encoder: {}", reason);
}

void append(void* text, void* bytes, int count) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

}  // namespace

std::string encode_jpeg(const std::vector<uint8_t>& pixels, int width, int height, int quality, int channels, bool progressive) {
  jpeg_error_mgr errors;
  jpeg_compress_struct jpeg;
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = jpeg_failed;
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg.dct_method = JDCT_ISLOW;  // integer arithmetic: the same bytes on every machine
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(pixels.data() + std::size_t{jpeg.next_scanline} * jpeg.image_width * unsigned(channels));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string contents(reinterpret_cast<const char*>(buffer), size);
  std::free(buffer);
  return contents;
}

std::string encode_png(const std::vector<uint8_t>& pixels, int width, int height) {
  std::string contents;
  if (!stbi_write_png_to_func(append, &contents, width, height, 3, pixels.data(), width * 3)) fail("PNG encoder: out of memory");
  return contents;
}

}  // namespace mcnn::synthetic
