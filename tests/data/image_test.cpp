// Decoding: every format, grey and CMYK, the eight orientations; a truncated file or one that is no picture is refused in one line.
// Next: data/image.h; pictures.h makes the files.
#include "data/image.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/exif.h"
#include "runtime/error.h"
#include "tests/data/pictures.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

Image decode(const std::string& file) { return decode_image(std::as_bytes(std::span(file)), "photo"); }

std::string refusal(const std::string& file) {
  try {
    decode(file);
  } catch (const Error& e) {
    const std::string line = e.what();
    EXPECT_TRUE(line.starts_with("photo: ")) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    return line;
  }
  return "accepted";
}

double mean_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  if (a.rgb.size() != b.rgb.size()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(DecodeImage, LosslessFormatsToTheBit) {
  const Image picture = smooth_picture(37, 23);
  EXPECT_EQ(decode(png_file(picture)).rgb, picture.rgb);
  EXPECT_EQ(decode(bmp_file(picture)).rgb, picture.rgb);
}

TEST(DecodeImage, JpegBaselineProgressiveGreyAndCmyk) {
  const Image picture = smooth_picture(61, 45);
  constexpr double kQuality95 = 3;  // grey levels; a swapped channel is off by 50
  EXPECT_LT(mean_difference(decode(jpeg_file(picture)), picture), kQuality95);
  EXPECT_LT(mean_difference(decode(jpeg_file(picture, 95, true)), picture), kQuality95);
  EXPECT_LT(mean_difference(decode(cmyk_jpeg_file(picture)), picture), kQuality95);
  Image grey = picture;
  for (std::size_t i = 0; i < grey.rgb.size(); i += 3) grey.rgb[i] = grey.rgb[i + 2] = grey.rgb[i + 1];
  EXPECT_LT(mean_difference(decode(grey_jpeg_file(picture)), grey), kQuality95);
}

TEST(DecodeImage, TheContentDecidesAndNotTheName) {
  const TemporaryFolder folder;
  const Image picture = smooth_picture(20, 10);
  EXPECT_EQ(decode_image(folder.write("photo.jpg", png_file(picture))).rgb, picture.rgb);
  EXPECT_THROW(decode_image(folder / "absent.jpg"), Error);
  EXPECT_THROW(decode_image(folder.path()), Error);
}

TEST(DecodeImage, ACutFileIsRefusedWhereverItEnds) {
  const Image picture = smooth_picture(64, 48);
  const std::string files[] = {jpeg_file(picture), jpeg_file(picture, 80, true), grey_jpeg_file(picture), png_file(picture),
                               bmp_file(picture)};
  for (const std::string& file : files) {
    ASSERT_EQ(refusal(file), "accepted");
    const std::size_t n = file.size();
    for (const std::size_t kept :
         {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{20}, n / 10, n / 3, n / 2, 3 * n / 4, n - 20, n - 2, n - 1})
      EXPECT_NE(refusal(file.substr(0, kept)), "accepted") << "cut from " << n << " to " << kept << " bytes";
  }
}

TEST(DecodeImage, WhatIsNoPictureIsRefused) {
  EXPECT_EQ(refusal(""), "photo: is empty");
  EXPECT_EQ(refusal("this is no picture, although it is named like one"),
            "photo: is not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF picture");
  EXPECT_NE(refusal("\xFF\xD8\xFF" + std::string(100, 'x')), "accepted");
  EXPECT_NE(refusal("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "accepted");
}

TEST(DecodeImage, HugePicturesAreRefusedBeforeTheirMemoryIsAskedFor) {
  std::string jpeg = jpeg_file(smooth_picture(16, 16));
  const std::size_t frame = jpeg.find("\xFF\xC0");  // marker, length (2), precision, height (2), width (2)
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = 5; i < 9; ++i) jpeg[frame + i] = '\xF0';
  EXPECT_EQ(refusal(jpeg),
            "photo: 61680x61680 is more than 100 million pixels; [data] max_megapixels, --max-megapixels and mcnn_options.most_pixels "
            "allow more");
  std::string bmp = bmp_file(smooth_picture(16, 16));
  for (const std::size_t i : {18u, 19u, 22u, 23u}) bmp[i] = '\x70';  // width and height, little-endian
  EXPECT_EQ(refusal(bmp),
            "photo: 28784x28784 is more than 100 million pixels; [data] max_megapixels, --max-megapixels and mcnn_options.most_pixels "
            "allow more");
}

TEST(DecodeImage, PngChunksLongerThanTheFileAreRefusedBeforeTheirMemoryIsAskedFor) {
  std::string png = png_file(smooth_picture(16, 16));
  png[png.find("IDAT") - 4] = '\x3F';  // the length's highest byte: a gigabyte
  EXPECT_EQ(refusal(png), "photo: cannot be decoded: it is cut short");
}

TEST(DecodeImage, PicturesWithoutPixelsAreRefused) {
  std::string bmp = bmp_file(smooth_picture(16, 16));
  for (std::size_t i = 22; i < 26; ++i) bmp[i] = '\0';  // height
  EXPECT_EQ(refusal(bmp), "photo: 16x0 are no pixels");
}

TEST(Exif, EveryOrientationStandsUpright) {
  // The scene is 32 wide and 16 high with a red top left, green top right and blue bottom left corner of 8x8.
  const auto corner = [](const Image& image, int x, int y) {
    const uint8_t* pixel = &image.rgb[3 * static_cast<std::size_t>(y * image.width + x)];
    return pixel[0] > 200 && pixel[1] < 50 ? 'r' : pixel[1] > 200 && pixel[0] < 50 ? 'g' : pixel[2] > 200 && pixel[0] < 50 ? 'b' : '.';
  };
  struct Stored {
    int orientation, width, height;
    const char* corners;  // of the file: top left, top right, bottom left, bottom right
  };
  // From the standard: what row 0 and column 0 of the file are in the scene.
  const Stored table[] = {
      {1, 32, 16, "rgb."},  // top, left
      {2, 32, 16, "gr.b"},  // top, right
      {3, 32, 16, ".bgr"},  // bottom, right
      {4, 32, 16, "b.rg"},  // bottom, left
      {5, 16, 32, "rbg."},  // left, top
      {6, 16, 32, "g.rb"},  // right, top
      {7, 16, 32, ".gbr"},  // right, bottom
      {8, 16, 32, "br.g"},  // left, bottom
  };
  for (const Stored& stored : table)
    for (const bool big_endian : {false, true}) {
      SCOPED_TRACE(stored.orientation);
      Image file{stored.width, stored.height, std::vector<uint8_t>(32 * 16 * 3, 128)};
      for (int y = 0; y < stored.height; ++y)
        for (int x = 0; x < stored.width; ++x) {
          const bool left = x < 8, right = x >= stored.width - 8, top = y < 8, bottom = y >= stored.height - 8;
          if (!(left || right) || !(top || bottom)) continue;
          const char colour = stored.corners[(bottom ? 2 : 0) + (right ? 1 : 0)];
          for (int c = 0; c < 3; ++c)
            if (colour != '.')
              file.rgb[3 * static_cast<std::size_t>(y * stored.width + x) + static_cast<std::size_t>(c)] = colour == "rgb"[c] ? 255 : 0;
        }
      const Image scene = decode(with_orientation(jpeg_file(file, 100), stored.orientation, big_endian));
      ASSERT_EQ(scene.width, 32);
      ASSERT_EQ(scene.height, 16);
      const std::string corners{corner(scene, 2, 2), corner(scene, 29, 2), corner(scene, 2, 13), corner(scene, 29, 13)};
      EXPECT_EQ(corners, "rgb.");
    }
}

TEST(Exif, NonsenseMeansUpright) {
  const std::string jpeg = jpeg_file(smooth_picture(16, 16));
  const auto orientation = [](const std::string& file) { return exif_orientation(std::as_bytes(std::span(file))); };
  EXPECT_EQ(orientation(jpeg), 1);
  EXPECT_EQ(orientation(with_orientation(jpeg, 6, true)), 6);
  EXPECT_EQ(orientation(with_orientation(jpeg, 0, true)), 1);
  EXPECT_EQ(orientation(with_orientation(jpeg, 9, false)), 1);
  EXPECT_EQ(orientation(""), 1);
  EXPECT_EQ(orientation("\xFF\xD8"), 1);
}

TEST(Exif, NoCutAndNoByteLeadsOutside) {
  const std::string file = with_orientation(jpeg_file(smooth_picture(8, 8)), 6, false);
  const auto orientation = [](const std::string& bytes) {  // a copy of exactly that length: AddressSanitizer sees a byte too far
    const std::vector<std::byte> exact(std::as_bytes(std::span(bytes)).begin(), std::as_bytes(std::span(bytes)).end());
    return exif_orientation(exact);
  };
  for (std::size_t kept = 0; kept < 80; ++kept) {
    const int found = orientation(file.substr(0, kept));
    EXPECT_TRUE(found == 1 || found == 6) << kept;
  }
  for (std::size_t at = 2; at < 80; ++at)
    for (const char byte : {'\x00', '\x01', '\x7F', '\xFF'}) {
      std::string changed = file;
      changed[at] = byte;
      const int found = orientation(changed);
      EXPECT_TRUE(found >= 1 && found <= 8) << at;
    }
}

}  // namespace
}  // namespace mcnn
