// Resizing and cropping: PIL's own pixels for small patterns, parts of a result, the published roundings.
// Next: data/resize.h, data/preprocess.h.
#include "data/resize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/preprocess.h"
#include "runtime/error.h"
#include "tests/data/pictures.h"

namespace mcnn {
namespace {

/// (37x + 59y + 101c + 13xy) mod 256: every pixel differs from its neighbours, so that a wrong weight shows.
Image pattern(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) image.rgb.push_back(static_cast<uint8_t>(37 * x + 59 * y + 101 * c + 13 * x * y));
  return image;
}

struct ResizeCase {
  const char* name;
  int width, height, to_width, to_height;
  Interpolation interpolation;
  std::vector<uint8_t> expected;
};

/// Computed by Pillow 13.0.0: Image.fromarray(pattern).resize((to_width, to_height), interpolation).
const std::vector<ResizeCase>& resize_cases() {
  static const std::vector<ResizeCase> cases = {
      {"bicubic, smaller", 9, 7, 5, 4, Interpolation::bicubic, {42,  149, 129, 124, 121, 90,  109, 151, 145, 140, 120, 145, 95,  138, 176,
                                                                164, 114, 91,  162, 114, 153, 113, 139, 157, 150, 125, 156, 110, 150, 150,
                                                                161, 109, 135, 161, 119, 100, 152, 119, 119, 88,  130, 145, 126, 104, 114,
                                                                120, 162, 128, 158, 122, 97,  114, 84,  164, 97,  136, 161, 179, 157, 122}},
      {"bilinear, smaller", 9, 7, 5, 4, Interpolation::bilinear, {56,  143, 127, 120, 124, 95,  110, 151, 143, 139, 121, 147,
                                                                  98,  134, 174, 154, 118, 100, 159, 114, 147, 118, 138, 151,
                                                                  146, 126, 156, 111, 146, 150, 159, 113, 130, 160, 114, 106,
                                                                  145, 119, 120, 93,  130, 144, 127, 109, 118, 125, 154, 126,
                                                                  154, 123, 100, 118, 92,  161, 102, 137, 156, 170, 151, 127}},
      {"bicubic, larger", 4, 3, 6, 5, Interpolation::bicubic, {0,   95,  215, 10,  110, 248, 37,  141, 225, 62,  180, 41,  89,  211, 19,
                                                               106, 226, 52,  17,  116, 128, 35,  147, 157, 66,  167, 158, 93,  117, 60,
                                                               130, 129, 60,  156, 155, 89,  56,  157, 2,   80,  196, 26,  117, 188, 63,
                                                               151, 26,  97,  188, 18,  134, 212, 57,  158, 96,  208, 31,  124, 153, 58,
                                                               170, 82,  105, 218, 52,  153, 165, 80,  199, 103, 114, 225, 118, 238, 64,
                                                               149, 119, 95,  200, 9,   144, 255, 80,  185, 143, 134, 234, 25,  163, 255}},
      {"bilinear, wider and lower", 4, 6, 5, 3, Interpolation::bilinear, {42,  143, 98,  74,  150, 130, 112, 121, 113, 138, 103, 95,
                                                                          144, 136, 127, 148, 121, 94,  174, 102, 120, 172, 97,  118,
                                                                          151, 121, 126, 132, 169, 174, 143, 98,  199, 131, 163, 110,
                                                                          154, 128, 100, 177, 92,  123, 165, 157, 111}},
      {"bicubic, upright: the height first", 5, 12, 4, 5, Interpolation::bicubic, {54,  153, 98,  120, 117, 121, 144, 112, 118, 90,
                                                                                   174, 140, 175, 102, 127, 170, 102, 104, 154, 143,
                                                                                   139, 151, 145, 114, 112, 139, 140, 146, 131, 114,
                                                                                   148, 99,  110, 122, 90,  151, 133, 77,  145, 131,
                                                                                   106, 121, 140, 127, 127, 91,  120, 156, 100, 176,
                                                                                   91,  172, 85,  111, 151, 79,  93,  152, 144, 97}},
      {"bicubic, one axis alone", 6, 3, 4, 3, Interpolation::bicubic, {11,  112, 225, 63,  164, 95,  122, 233, 57,  174, 108, 120,
                                                                       73,  187, 19,  155, 75,  90,  138, 58,  170, 26,  140, 241,
                                                                       138, 149, 82,  214, 61,  182, 81,  180, 186, 157, 92,  92}},
  };
  return cases;
}

TEST(Resize, PatternsAsPillowResizesThem) {
  for (const ResizeCase& c : resize_cases()) {
    SCOPED_TRACE(c.name);
    const Image out = resize(pattern(c.width, c.height), c.to_width, c.to_height, c.interpolation);
    EXPECT_EQ(out.width, c.to_width);
    EXPECT_EQ(out.height, c.to_height);
    EXPECT_EQ(out.rgb, c.expected);
  }
}

Image cut(const Image& image, const Rectangle& part) {
  Image out{part.width, part.height, {}};
  for (int y = 0; y < part.height; ++y) {
    const auto row = image.rgb.begin() + std::ptrdiff_t{3} * (image.width * (part.y + y) + part.x);
    out.rgb.insert(out.rgb.end(), row, row + std::ptrdiff_t{3} * part.width);
  }
  return out;
}

TEST(Resize, APartIsThePartOfTheWhole) {
  const int sizes[][4] = {{40, 30, 23, 17}, {20, 90, 16, 30}, {11, 8, 31, 40}};  // smaller; upright; larger
  for (const auto& [width, height, to_width, to_height] : sizes) {
    const Image image = pattern(width, height);
    for (const Interpolation interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
      const Image whole = resize(image, to_width, to_height, interpolation);
      const Rectangle parts[] = {{0, 0, 1, 1}, {to_width - 1, to_height - 1, 1, 1}, {3, 2, 9, 11}, {0, 5, to_width, 3}};
      for (const Rectangle& part : parts) EXPECT_EQ(resize(image, to_width, to_height, interpolation, part).rgb, cut(whole, part).rgb);
    }
  }
}

TEST(Resize, RefusesPartsOutsideAndEmptyPictures) {
  const Image image = pattern(4, 4);
  for (const Rectangle& part : {Rectangle{0, 0, 6, 5}, Rectangle{-1, 0, 2, 2}, Rectangle{4, 0, 2, 2}, Rectangle{0, 0, 0, 1}})
    EXPECT_THROW(resize(image, 5, 5, Interpolation::bicubic, part), Error);
  EXPECT_THROW(resize(image, 0, 5, Interpolation::bicubic), Error);
  EXPECT_THROW(resize(Image{}, 5, 5, Interpolation::bicubic), Error);
}

/// The crop's first pixel of an image with red = x and green = y, which is the crop's offset if nothing is resized.
std::pair<int, int> crop_offset(int width, int height, int crop) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) image.rgb.insert(image.rgb.end(), {static_cast<uint8_t>(x), static_cast<uint8_t>(y), 0});
  const Image out = preprocess(image, {.resize = std::min(width, height), .crop = crop});
  EXPECT_EQ(out.width, crop);
  EXPECT_EQ(out.height, crop);
  return {out.rgb[0], out.rgb[1]};
}

TEST(Preprocess, CropsAtTheHalfRoundedToEven) {
  EXPECT_EQ(crop_offset(10, 10, 10), std::pair(0, 0));
  EXPECT_EQ(crop_offset(11, 12, 10), std::pair(0, 1));  // 0.5 -> 0
  EXPECT_EQ(crop_offset(13, 14, 10), std::pair(2, 2));  // 1.5 -> 2
  EXPECT_EQ(crop_offset(15, 16, 10), std::pair(2, 3));  // 2.5 -> 2
  EXPECT_EQ(crop_offset(17, 20, 10), std::pair(4, 5));  // 3.5 -> 4
}

TEST(Preprocess, TheLongerSideIsCutToAWholeNumber) {
  // 30x45 -> 20x30; 31x45 -> 20x29 (29.03); 45x31 -> 29x20. Compared with the resize it must be.
  const int sizes[][4] = {{30, 45, 20, 30}, {31, 45, 20, 29}, {45, 31, 29, 20}, {37, 37, 20, 20}, {16, 100, 20, 125}};
  for (const auto& [width, height, to_width, to_height] : sizes) {
    const Image image = pattern(width, height);
    const Image resized = resize(image, to_width, to_height, Interpolation::bicubic);
    const auto even_half = [](int n) { return n / 2 % 2 != 0 && n % 2 != 0 ? n / 2 + 1 : n / 2; };
    EXPECT_EQ(preprocess(image, {.resize = 20, .crop = 17}).rgb,
              cut(resized, {even_half(to_width - 17), even_half(to_height - 17), 17, 17}).rgb);
  }
}

TEST(Preprocess, NoResizeGivenMeansTheCrop) {
  const Image image = pattern(30, 41);
  EXPECT_EQ(preprocess(image, {.crop = 17}).rgb, preprocess(image, {.resize = 17, .crop = 17}).rgb);
}

struct TensorflowCase {
  const char* name;
  int width, height, crop, resize;
  std::vector<int> expected;
};

/// Computed by TensorFlow 2.21.0: tf.compat.v1.image.resize_bicubic([square], [crop, crop])[0] of the pattern's central square,
/// rounded and cut to 0 to 255.
TEST(Preprocess, CropsThenResizesAsTensorFlow) {
  const TensorflowCase cases[] = {
      {"6x6 of 13x10, smaller", 13, 10, 4, 6, {114, 215, 60,  233, 30, 155, 47,  148, 249, 147, 120, 69,  153, 126, 99,  58,
                                               121, 173, 144, 117, 66, 59,  106, 174, 191, 36,  137, 64,  213, 162, 241, 86,
                                               187, 124, 121, 70,  88, 85,  186, 94,  36,  166, 72,  197, 146, 154, 98,  152}},
      {"3x3 of 6x5, larger, beyond 0 and 255", 6, 5, 5, 7, {159, 4,   105, 212, 29,  130, 178, 68,  169, 40,  96,  197, 0,   109, 210,
                                                            229, 47,  175, 156, 72,  224, 82,  124, 215, 63,  174, 128, 54,  197, 91,
                                                            222, 112, 168, 109, 151, 227, 53,  189, 211, 124, 198, 97,  154, 202, 47,
                                                            105, 161, 51,  110, 221, 94,  144, 218, 136, 195, 124, 146, 217, 83,  150,
                                                            55,  183, 1,   110, 253, 37,  183, 232, 104, 226, 93,  166, 245, 32,  194}},
      {"19x19 of 31x23: no antialiasing", 31, 23, 5, 6, {240, 85,  186, 245, 59, 166, 233, 32,  151, 210, 9,   138, 183, 0,   123,
                                                         31,  157, 206, 192, 93, 182, 137, 73,  45,  50,  147, 146, 205, 86,  124,
                                                         97,  108, 25,  121, 75, 213, 187, 160, 84,  78,  172, 83,  83,  43,  182,
                                                         170, 105, 116, 78,  79, 193, 80,  192, 69,  164, 42,  112, 166, 60,  227,
                                                         242, 108, 182, 255, 76, 208, 51,  102, 203, 0,   122, 234, 17,  149, 198}},
  };
  for (const TensorflowCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Image out = preprocess(pattern(c.width, c.height), {.resize = c.resize, .crop = c.crop, .crop_rule = CropRule::square_first});
    EXPECT_EQ(out.width, c.crop);
    EXPECT_EQ(out.height, c.crop);
    EXPECT_EQ(std::vector<int>(out.rgb.begin(), out.rgb.end()), c.expected);
  }
}

TEST(Preprocess, CropRulesByName) {
  EXPECT_EQ(parse_crop_rule("timm"), CropRule::shorter_side);
  EXPECT_EQ(parse_crop_rule("torchvision"), CropRule::shorter_side);
  EXPECT_EQ(parse_crop_rule("tensorflow"), CropRule::square_first);
  for (const CropRule rule : {CropRule::shorter_side, CropRule::square_first}) EXPECT_EQ(parse_crop_rule(name_of(rule)), rule);
  EXPECT_THROW(parse_crop_rule("tensorflaw"), Error);
  EXPECT_THROW(preprocess(pattern(1, 9), {.resize = 16, .crop = 8, .crop_rule = CropRule::square_first}), Error) << "half a pixel";
}

TEST(Preprocess, RefusesSettingsThatFitNoPhoto) {
  const auto refusal = [](const Preprocess& settings) -> std::string {
    try {
      check(settings);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({.resize = 223, .crop = 224}), "[data] resize = 223, expected 0 (as crop) or 224 (crop) to 4096");
  EXPECT_EQ(refusal({.crop = 0}), "[data] crop = 0, expected 1 to 4096");
  EXPECT_EQ(refusal({.resize = 5000, .crop = 224}), "[data] resize = 5000, expected 0 (as crop) or 224 (crop) to 4096");
  EXPECT_EQ(refusal({.resize = 256, .crop = 224}), "accepted");
  EXPECT_EQ(refusal({.interpolation = Interpolation::bilinear, .crop_rule = CropRule::square_first}),
            "[data] interpolation = bilinear, expected bicubic with crop_rule = tensorflow");
  EXPECT_THROW(preprocess(pattern(1, 30000), {.crop = 224}), Error) << "6.7 million rows are not asked for";
}

}  // namespace
}  // namespace mcnn
