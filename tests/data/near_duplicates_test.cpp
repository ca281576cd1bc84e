// Near-duplicates: photos that were saved again, resized, brightened or mirrored are found; other pictures are not.
#include "data/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "data/resize.h"
#include "tests/data/pictures.h"

namespace mcnn {
namespace {

Image decoded(const std::string& file) { return decode_image(std::as_bytes(std::span(file)), "photo"); }

Image mirrored(Image image) {
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width / 2; ++x)
      for (int c = 0; c < 3; ++c)
        std::swap(image.rgb[static_cast<std::size_t>(3 * (y * image.width + x) + c)],
                  image.rgb[static_cast<std::size_t>(3 * (y * image.width + image.width - 1 - x) + c)]);
  return image;
}

Image brightened(Image image, double factor, int more) {
  for (uint8_t& v : image.rgb) v = static_cast<uint8_t>(std::clamp(static_cast<int>(factor * v) + more, 0, 255));
  return image;
}

/// Soft spots of random colours.
Image picture(unsigned seed) {
  std::mt19937 random(seed);
  Image spots{7, 6, std::vector<uint8_t>(3 * 7 * 6)};
  for (uint8_t& v : spots.rgb) v = static_cast<uint8_t>(random());
  return resize(spots, 120, 90, Interpolation::bicubic);
}

TEST(NearDuplicates, ArePicturesThatWereChangedALittle) {
  std::vector<Thumbnail> thumbnails;
  constexpr int kPictures = 400;
  for (int seed = 0; seed < kPictures; ++seed) thumbnails.push_back(thumbnail_of(picture(static_cast<unsigned>(seed))));
  ASSERT_TRUE(near_duplicates(thumbnails).empty()) << "other pictures are not near";

  const Image original = picture(7);
  const std::pair<const char*, Image> changed[] = {{"saved again", decoded(jpeg_file(original, 20))},
                                                   {"resized", resize(original, 61, 50, Interpolation::bicubic)},
                                                   {"brighter", brightened(original, 0.8, 30)}};
  for (const auto& [what, image] : changed) {
    std::vector<Thumbnail> more = thumbnails;
    more.push_back(thumbnail_of(image));
    const std::vector<NearDuplicate> found = near_duplicates(more);
    ASSERT_EQ(found.size(), 1u) << what;
    EXPECT_EQ(found[0].a, 7u) << what;
    EXPECT_EQ(found[0].b, thumbnails.size()) << what;
    EXPECT_FALSE(found[0].mirrored) << what;
    EXPECT_GE(found[0].correlation, kNear) << what;
  }
  thumbnails.push_back(thumbnail_of(mirrored(original)));
  const std::vector<NearDuplicate> found = near_duplicates(thumbnails);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].mirrored);
}

TEST(NearDuplicates, ManyThatAreAlikeMakeFewPairs) {
  std::vector<Thumbnail> thumbnails;
  constexpr std::size_t kAlike = 20000;
  for (std::size_t i = 0; i < kAlike; ++i) {
    thumbnails.push_back(thumbnail_of(picture(1)));
    thumbnails.back()[i % thumbnails.back().size()] ^= 1;
  }
  const std::vector<NearDuplicate> found = near_duplicates(thumbnails);
  EXPECT_GE(found.size(), kAlike - 1);
  EXPECT_LT(found.size(), 2 * kAlike);
}

TEST(NearDuplicates, PicturesOfOneGreyAreNotCompared) {
  const std::vector<Thumbnail> flat(3);
  EXPECT_TRUE(near_duplicates(flat).empty());
  EXPECT_TRUE(near_duplicates({}).empty());
}

TEST(NearDuplicates, AThumbnailIsTheMeanOfItsCells) {
  Image image{32, 16, std::vector<uint8_t>(3 * 32 * 16, 100)};
  for (int c = 0; c < 3; ++c) image.rgb[static_cast<std::size_t>(c)] = 200;  // one of the first cell's two pixels
  const Thumbnail thumbnail = thumbnail_of(image);
  EXPECT_EQ(thumbnail[0], 150);
  EXPECT_EQ(thumbnail[1], 100);
  EXPECT_EQ(thumbnail_of({1, 1, {255, 0, 0}})[255], 76);  // Rec. 601's share of red
}

}  // namespace
}  // namespace mcnn
