// The encoders of drawn_faces, and stb's for BMP, behind pictures.h.
// Next: pictures.h has the contract.
#include "tests/data/pictures.h"

#include <cmath>

#include "drawn_faces/encode.h"

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
  return synthetic::encode_jpeg(image.rgb, image.width, image.height, quality, 3, progressive);
}

std::string grey_jpeg_file(const Image& image) {
  std::vector<uint8_t> green;
  for (std::size_t i = 1; i < image.rgb.size(); i += 3) green.push_back(image.rgb[i]);
  return synthetic::encode_jpeg(green, image.width, image.height, 95, 1);
}

std::string cmyk_jpeg_file(const Image& image) {
  std::vector<uint8_t> cmyk;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    cmyk.insert(cmyk.end(), &image.rgb[i], &image.rgb[i] + 3);
    cmyk.push_back(255);
  }
  return synthetic::encode_jpeg(cmyk, image.width, image.height, 95, 4);
}

std::string png_file(const Image& image) { return synthetic::encode_png(image.rgb, image.width, image.height); }

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
