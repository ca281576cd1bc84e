// The real folders: every photo of the faces set is found, labelled and split without a leak.
#include <map>

#include "data/layouts.h"
#include "data/split.h"
#include "tests/golden/golden_folder.h"

namespace mcnn {
namespace {

std::map<int, int> photos_per_class(const Dataset& dataset) {
  std::map<int, int> count;
  for (const Photo& photo : dataset.photos) ++count[photo.label];
  return count;
}

TEST(Faces, AreReadAndSplitByPerson) {
  const auto data = data_folder("MCNN_DATA", "data");
  SKIP_IF_ABSENT(data, "MCNN_DATA");
  const Dataset dataset = read_competition((data / "faces18" / "train").string());
  EXPECT_EQ(dataset.photos.size(), 3780u);  // 540 people, 7 photos each: 5 of the mask worn, one each of the others
  const auto count = photos_per_class(dataset);
  ASSERT_EQ(count.size(), 18u);
  for (int group = 0; group < 6; ++group) {
    EXPECT_EQ(count.at(group), 5 * count.at(6 + group));
    EXPECT_EQ(count.at(6 + group), count.at(12 + group));
  }

  const Split split = split_by_person(dataset, 0.1, 0);
  EXPECT_EQ(split.training_people + split.holdout_people, 540);
  EXPECT_NEAR(static_cast<double>(split.holdout_people), 54, 1);
  EXPECT_EQ(photos_per_class(split.training).size(), 18u);
  EXPECT_EQ(photos_per_class(split.holdout).size(), 18u);
}

TEST(Faces, TheExamAndItsAnswersAreTheSamePhotos) {
  const auto data = data_folder("MCNN_DATA", "data");
  SKIP_IF_ABSENT(data, "MCNN_DATA");
  const auto eval = data / "faces18" / "eval";
  const Dataset questions = read_info((eval / "info.csv").string(), (eval / "images").string());
  const Dataset answers = read_info((eval / "gt.csv").string(), (eval / "images").string(), 18);
  EXPECT_EQ(questions.photos.size(), 504u);
  EXPECT_EQ(answers.photos.size(), 504u);
  for (const auto& [label, count] : photos_per_class(answers)) EXPECT_EQ(count, label < 6 ? 60 : 12) << "class " << label;
  EXPECT_EQ(photos_per_class(questions), (std::map<int, int>{{-1, 504}}));
}

}  // namespace
}  // namespace mcnn
