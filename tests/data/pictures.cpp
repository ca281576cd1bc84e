// libjpeg's and stb_image_write's encoders behind pictures.h.
// Next: pictures.h has the contract.
#include "tests/data/pictures.h"

#include <cmath>
#include <cstdio>  // jpeglib.h needs FILE declared
#include <cstdlib>

#include <jpeglib.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace mcnn {
namespace {

std::string encode(const std::vector<uint8_t>& pixels, int width, int height, int channels, J_COLOR_SPACE space, int quality,
                   bool progressive) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = channels;
  info.in_color_space = space;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  if (progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(pixels.data() + std::size_t{info.next_scanline} * info.image_width * unsigned(channels));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string bytes(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return bytes;
}

void append(void* user, void* data, int size) {
  static_cast<std::string*>(user)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

Image smooth_picture(int width, int height, int seed) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        const double phase = (0.05 + 0.01 * seed) * x + 0.07 * y * (c + 1) + seed + c;
        image.rgb.push_back(static_cast<uint8_t>(128 + 100 * std::sin(phase)));
      }
  return image;
}

std::string jpeg_file(const Image& image, int quality, bool progressive) {
  return encode(image.rgb, image.width, image.height, 3, JCS_RGB, quality, progressive);
}

std::string grey_jpeg_file(const Image& image) {
  std::vector<uint8_t> green;
  for (std::size_t i = 1; i < image.rgb.size(); i += 3) green.push_back(image.rgb[i]);
  return encode(green, image.width, image.height, 1, JCS_GRAYSCALE, 95, false);
}

std::string cmyk_jpeg_file(const Image& image) {
  std::vector<uint8_t> cmyk;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    cmyk.insert(cmyk.end(), &image.rgb[i], &image.rgb[i] + 3);
    cmyk.push_back(255);
  }
  return encode(cmyk, image.width, image.height, 4, JCS_CMYK, 95, false);
}

std::string png_file(const Image& image) {
  std::string bytes;
  stbi_write_png_to_func(append, &bytes, image.width, image.height, 3, image.rgb.data(), 3 * image.width);
  return bytes;
}

std::string bmp_file(const Image& image) {
  std::string bytes;
  stbi_write_bmp_to_func(append, &bytes, image.width, image.height, 3, image.rgb.data());
  return bytes;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string with_orientation(const std::string& jpeg, int orientation, bool big_endian) {
  const auto number = [&](unsigned value, int size) {
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * (big_endian ? size - 1 - i : i));
    return bytes;
  };
  std::string tiff = (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4);
  tiff += number(2, 2);                                                    // entries
  tiff += number(0x010F, 2) + number(2, 2) + number(4, 4) + "abc" + '\0';  // maker: another tag first
  tiff += number(0x0112, 2) + number(3, 2) + number(1, 4) + number(unsigned(orientation), 2) + number(0, 2);
  tiff += number(0, 4);  // no further directory
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const std::size_t length = body.size() + 2;
  std::string segment = "\xFF\xE1";
  segment += static_cast<char>(length >> 8);
  segment += static_cast<char>(length & 255);
  return jpeg.substr(0, 2) + segment + body + jpeg.substr(2);
}

}  // namespace mcnn
