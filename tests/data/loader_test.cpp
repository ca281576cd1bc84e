// The loader: the same batches for any number of threads and any cache, every photo once, broken ones skipped or an error as configured.
// Next: data/loader.h.
#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/error.h"
#include "tests/data/pictures.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

constexpr int kPhotos = 23, kCrop = 16, kClasses = 3;

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    for (int i = 0; i < kPhotos; ++i) {
      const std::string name = "photo" + std::to_string(i) + (i % 2 == 0 ? ".jpg" : ".png");
      const Image picture = smooth_picture(20 + i, 30 - i / 2, i);
      dataset_.photos.push_back({folder_.write(name, i % 2 == 0 ? jpeg_file(picture) : png_file(picture)), i % kClasses, name});
    }
    dataset_.classes = {"a", "b", "c"};
    options_ = {.batch = 5, .shuffle = true, .flip = true, .workers = 1, .seed = 7, .preprocess = {.crop = kCrop}, .classes = kClasses};
  }

  void break_photo(std::size_t i) { folder_.write(std::filesystem::path(dataset_.photos[i].path).filename().string(), "no picture"); }

  TemporaryFolder folder_;
  Dataset dataset_;
  LoaderOptions options_;
};

std::vector<Batch> epoch_of(Loader& loader, uint32_t epoch) {
  std::vector<Batch> batches;
  loader.start_epoch(epoch);
  for (Batch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

std::vector<int64_t> photos_of(const std::vector<Batch>& batches) {
  std::vector<int64_t> photos;
  for (const Batch& batch : batches) photos.insert(photos.end(), batch.photos.begin(), batch.photos.end());
  return photos;
}

void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].n, b[i].n);
    EXPECT_EQ(a[i].photos, b[i].photos);
    EXPECT_EQ(a[i].flips, b[i].flips);
    EXPECT_EQ(a[i].labels, b[i].labels);
    EXPECT_EQ(a[i].targets, b[i].targets);
    EXPECT_EQ(a[i].pixels, b[i].pixels);
  }
}

TEST_F(LoaderTest, BatchesHoldWhatTheySay) {
  Loader loader(dataset_, options_);
  EXPECT_EQ(loader.batches(), 5);
  const auto batches = epoch_of(loader, 0);
  ASSERT_EQ(batches.size(), 5u);
  for (std::size_t b = 0; b < 5; ++b) {
    const Batch& batch = batches[b];
    ASSERT_EQ(batch.n, b < 4 ? 5 : 3);
    ASSERT_EQ(batch.h, kCrop);
    ASSERT_EQ(batch.w, kCrop);
    ASSERT_EQ(batch.pixels.size(), static_cast<std::size_t>(batch.n * kCrop * kCrop * 3));
    ASSERT_EQ(batch.flips.size(), static_cast<std::size_t>(batch.n));
    ASSERT_EQ(batch.targets.size(), static_cast<std::size_t>(batch.n * kClasses));
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.n); ++i) {
      const Photo& photo = dataset_.photos[static_cast<std::size_t>(batch.photos[i])];
      EXPECT_EQ(batch.labels[i], photo.label);
      for (int k = 0; k < kClasses; ++k) EXPECT_EQ(batch.targets[i * kClasses + static_cast<std::size_t>(k)], k == photo.label ? 1.f : 0.f);
      const Image square = preprocess(decode_image(photo.path), options_.preprocess);
      EXPECT_TRUE(std::equal(square.rgb.begin(), square.rgb.end(), batch.pixels.begin() + std::ptrdiff_t(i * square.rgb.size())));
    }
  }
}

TEST_F(LoaderTest, AnEpochShowsEveryPhotoOnceInAnOrderOfItsOwn) {
  Loader loader(dataset_, options_);
  const auto first = photos_of(epoch_of(loader, 0)), second = photos_of(epoch_of(loader, 1));
  EXPECT_NE(first, second);
  for (const auto& photos : {first, second}) EXPECT_EQ(std::set<int64_t>(photos.begin(), photos.end()).size(), std::size_t{kPhotos});
  EXPECT_EQ(first.size(), std::size_t{kPhotos});
}

TEST_F(LoaderTest, WithoutShuffleTheOrderIsTheDatasets) {
  options_.shuffle = options_.flip = false;
  Loader loader(dataset_, options_);
  const auto batches = epoch_of(loader, 3);
  const auto photos = photos_of(batches);
  ASSERT_EQ(photos.size(), std::size_t{kPhotos});
  EXPECT_TRUE(std::is_sorted(photos.begin(), photos.end()));
  for (const Batch& batch : batches) EXPECT_EQ(std::count(batch.flips.begin(), batch.flips.end(), 1), 0);
}

TEST_F(LoaderTest, BatchesDependNeitherOnThreadsNorOnTheCache) {
  options_.workers = 0;
  Loader plain(dataset_, options_);
  const auto first = epoch_of(plain, 0), second = epoch_of(plain, 1);
  constexpr int64_t kPhotoBytes = kCrop * kCrop * 3;
  for (const int workers : {0, 1, 3})
    for (const int64_t cached_photos : {0, 7, 100}) {
      SCOPED_TRACE("workers " + std::to_string(workers) + ", cached " + std::to_string(cached_photos));
      options_.workers = workers;
      options_.cache_bytes = cached_photos * kPhotoBytes;
      Loader loader(dataset_, options_);
      expect_equal(epoch_of(loader, 0), first);
      expect_equal(epoch_of(loader, 1), second);
      expect_equal(epoch_of(loader, 0), first);
    }
}

TEST_F(LoaderTest, AFullCacheNeedsTheFilesOnce) {
  options_.cache_bytes = 1 << 20;
  Loader loader(dataset_, options_);
  const auto before = epoch_of(loader, 0);
  for (const Photo& photo : dataset_.photos) std::filesystem::remove(photo.path);
  expect_equal(epoch_of(loader, 0), before);
}

TEST_F(LoaderTest, FlipsChangeWithTheEpochAndAreAboutHalf) {
  Loader loader(dataset_, options_);
  std::set<std::vector<uint8_t>> patterns;
  int64_t flipped = 0;
  for (uint32_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<uint8_t> by_photo(kPhotos);
    for (const Batch& batch : epoch_of(loader, epoch))
      for (std::size_t i = 0; i < batch.photos.size(); ++i) by_photo[static_cast<std::size_t>(batch.photos[i])] = batch.flips[i];
    flipped += std::count(by_photo.begin(), by_photo.end(), 1);
    patterns.insert(by_photo);
  }
  EXPECT_EQ(patterns.size(), 20u);
  EXPECT_NEAR(static_cast<double>(flipped) / (20 * kPhotos), 0.5, 0.1);  // 4 standard deviations
}

TEST_F(LoaderTest, DropLastLeavesTheShortBatchOut) {
  options_.drop_last = true;
  Loader loader(dataset_, options_);
  EXPECT_EQ(loader.batches(), 4);
  EXPECT_EQ(epoch_of(loader, 0).size(), 4u);
}

TEST_F(LoaderTest, ABrokenPhotoIsAnErrorThatNamesIt) {
  break_photo(11);
  for (const int workers : {0, 1, 3}) {
    options_.workers = workers;
    Loader loader(dataset_, options_);
    try {
      epoch_of(loader, 0);
      FAIL() << "no error";
    } catch (const Error& e) {
      for (const char* part : {"photo11.png: ", "data.skip_broken = true"})
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
    Batch batch;
    EXPECT_THROW(while (loader.next(batch)){}, Error) << "the error must not be passed over by asking again";
  }
}

TEST_F(LoaderTest, SkippedPhotosShrinkTheEpochAndLeaveTheOrderOfOthers) {
  options_.workers = 0;
  Loader whole(dataset_, options_);
  std::vector<int64_t> expected[2];
  for (uint32_t epoch = 0; epoch < 2; ++epoch)
    for (const int64_t photo : photos_of(epoch_of(whole, epoch)))
      if (photo != 4 && photo != 11 && photo != 12) expected[epoch].push_back(photo);
  for (const std::size_t photo : {4u, 11u, 12u}) break_photo(photo);

  options_.skip_broken = true;
  for (const int workers : {0, 1, 3}) {
    options_.workers = workers;
    Loader loader(dataset_, options_);
    EXPECT_EQ(loader.batches(), 5);
    for (uint32_t epoch = 0; epoch < 2; ++epoch) {
      const auto batches = epoch_of(loader, epoch);
      EXPECT_EQ(photos_of(batches), expected[epoch]);
      for (const Batch& batch : batches) EXPECT_EQ(batch.n, 5);
      EXPECT_EQ(loader.broken(), 3) << "each is counted once, not once per epoch";
    }
    EXPECT_EQ(loader.complaints().size(), 3u);
  }
}

TEST_F(LoaderTest, NothingButBrokenPhotosIsAnErrorEvenIfTheyMayBeSkipped) {
  for (std::size_t i = 0; i < kPhotos; ++i) break_photo(i);
  options_.skip_broken = true;
  Loader loader(dataset_, options_);
  Batch batch;
  EXPECT_THROW(loader.next(batch), Error);
}

TEST_F(LoaderTest, AnEpochCanBeLeftAtAnyBatch) {
  options_.batch = 2;
  options_.workers = 0;
  Loader plain(dataset_, options_);
  const auto whole = epoch_of(plain, 1);
  options_.workers = 3;
  for (int taken = 0; taken < 6; ++taken) {
    Loader loader(dataset_, options_);
    Batch batch;
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(loader.next(batch));
    expect_equal(epoch_of(loader, 1), whole);
    EXPECT_FALSE(loader.next(batch));
    EXPECT_EQ(batch.n, 0);
    loader.start_epoch(2);
    loader.next(batch);  // then the loader is destroyed while its workers are busy
  }
}

TEST_F(LoaderTest, RefusesWhatMakesNoSense) {
  LoaderOptions bad = options_;
  bad.batch = 0;
  EXPECT_THROW(Loader(dataset_, bad), Error);
  bad = options_;
  bad.workers = -1;
  EXPECT_THROW(Loader(dataset_, bad), Error);
  bad = options_;
  bad.preprocess.resize = kCrop - 1;
  EXPECT_THROW(Loader(dataset_, bad), Error);
  bad = options_;
  bad.classes = 2;
  EXPECT_THROW(Loader(dataset_, bad), Error);
}

TEST_F(LoaderTest, AnUnknownLabelHasNoTarget) {
  for (Photo& photo : dataset_.photos) photo.label = -1;
  Loader loader(dataset_, options_);
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.labels, std::vector<int>(5, -1));
  EXPECT_EQ(batch.targets, std::vector<float>(5 * kClasses, 0.f));
}

}  // namespace
}  // namespace mcnn
