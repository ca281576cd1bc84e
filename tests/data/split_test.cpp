// No person and no photo is on two sides, and the check finds planted leaks.
// Next: data/split.h.
#include "data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "runtime/error.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

/// People of the competition's layout: the gender and age group of person p is p % 6, unless `group` says otherwise.
struct People {
  TemporaryFolder root;
  Dataset dataset{{}, std::vector<std::string>(18, "class")};

  void add(const std::string& person, int group) {
    for (int photo = 0; photo < 7; ++photo) {
      const std::string name = person + "/" + std::to_string(photo) + ".jpg";
      const int mask = photo < 5 ? 0 : photo - 4;
      dataset.photos.push_back({root.write(name, "photo " + name), mask * 6 + group, person});
    }
  }
};

std::set<std::string> people_of(const Dataset& dataset) {
  std::set<std::string> people;
  for (const Photo& photo : dataset.photos) people.insert(photo.person);
  return people;
}

std::set<int> labels_of(const Dataset& dataset) {
  std::set<int> labels;
  for (const Photo& photo : dataset.photos) labels.insert(photo.label);
  return labels;
}

void expect_no_one_on_both_sides(const Split& split, const Dataset& whole) {
  const auto a = people_of(split.training), b = people_of(split.holdout);
  std::set<std::string> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  EXPECT_TRUE(both.empty());
  EXPECT_EQ(split.training.photos.size() + split.holdout.photos.size(), whole.photos.size());
  EXPECT_EQ(split.training_people, static_cast<int64_t>(a.size()));
  EXPECT_EQ(split.holdout_people, static_cast<int64_t>(b.size()));
}

std::string refusal(const Dataset& a, const Dataset& b) {
  try {
    check_disjoint(a, b);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Split, HoldsOutTheShareOfEveryStratum) {
  People people;
  for (int p = 0; p < 120; ++p) people.add(std::to_string(1000 + p), p % 6);
  const Split split = split_by_person(people.dataset, 0.1, 1);
  expect_no_one_on_both_sides(split, people.dataset);
  EXPECT_EQ(split.holdout_people, 12);
  EXPECT_EQ(split.merged_people, 0);
  std::map<int, int> per_label;
  for (const Photo& photo : split.holdout.photos) ++per_label[photo.label];
  for (int label = 6; label < 18; ++label) EXPECT_EQ(per_label[label], 2) << "class " << label;
}

TEST(Split, DependsOnTheSeedAndNotOnTheOrderOfPhotos) {
  People people;
  for (int p = 0; p < 60; ++p) people.add(std::to_string(1000 + p), p % 6);
  const auto held_out = people_of(split_by_person(people.dataset, 0.2, 5).holdout);
  EXPECT_NE(people_of(split_by_person(people.dataset, 0.2, 6).holdout), held_out);
  std::reverse(people.dataset.photos.begin(), people.dataset.photos.end());
  EXPECT_EQ(people_of(split_by_person(people.dataset, 0.2, 5).holdout), held_out);
}

TEST(Split, ARareClassIsOnBothSidesIfItHasTwoPeople) {
  People people;
  for (int p = 0; p < 30; ++p) people.add(std::to_string(1000 + p), 0);
  people.add("rare 1", 5);
  people.add("rare 2", 5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Split split = split_by_person(people.dataset, 0.1, seed);
    expect_no_one_on_both_sides(split, people.dataset);
    EXPECT_EQ(labels_of(split.training), labels_of(people.dataset));
    EXPECT_EQ(labels_of(split.holdout), labels_of(people.dataset));
  }
}

TEST(Split, PeopleWhoShareAPhotoStayTogether) {
  People people;
  for (int p = 0; p < 12; ++p) people.add(std::to_string(1000 + p), p % 2);
  people.root.write("1003/0.jpg", "photo 1007/6.jpg");  // 1003 - 1007 - 1008: one chain
  people.root.write("1008/2.jpg", "photo 1007/5.jpg");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Split split = split_by_person(people.dataset, 0.4, seed);
    expect_no_one_on_both_sides(split, people.dataset);
    const auto held_out = people_of(split.holdout);
    EXPECT_EQ(held_out.contains("1003"), held_out.contains("1007"));
    EXPECT_EQ(held_out.contains("1008"), held_out.contains("1007"));
    EXPECT_EQ(split.merged_people, 3);
  }
}

TEST(Split, NothingHeldOut) {
  People people;
  people.add("a", 0);
  const Split split = split_by_person(people.dataset, 0, 1);
  EXPECT_EQ(split.training.photos.size(), 7u);
  EXPECT_TRUE(split.holdout.photos.empty());
}

TEST(Split, RefusesWhatCannotBeSplit) {
  People people;
  people.add("a", 0);
  EXPECT_THROW(split_by_person(people.dataset, 0.1, 1), Error);
  people.add("b", 0);
  EXPECT_NO_THROW(split_by_person(people.dataset, 0.5, 1));
  for (const double share : {-0.1, 1.0, std::nan("")}) EXPECT_THROW(split_by_person(people.dataset, share, 1), Error) << share;
  people.root.write("b/0.jpg", "photo a/0.jpg");
  EXPECT_THROW(split_by_person(people.dataset, 0.5, 1), Error) << "the two are one group";
}

TEST(CheckDisjoint, FindsAPlantedPerson) {
  People a, b;
  a.add("1", 0);
  a.add("2", 0);
  b.add("3", 0);
  EXPECT_EQ(refusal(a.dataset, b.dataset), "accepted");
  b.dataset.photos.back().person = "2";
  EXPECT_EQ(refusal(a.dataset, b.dataset),
            "'" + a.root.path() + "/2/0.jpg' and '" + b.root.path() + "/3/6.jpg' show one person (2) on two sides of the split");
}

TEST(CheckDisjoint, FindsAPlantedCopyUnderAnotherName) {
  People a, b;
  a.add("1", 0);
  b.add("2", 0);
  b.root.write("2/3.jpg", "photo 1/4.jpg");
  EXPECT_EQ(refusal(a.dataset, b.dataset),
            "'" + a.root.path() + "/1/4.jpg' and '" + b.root.path() + "/2/3.jpg' are the same photo on two sides of the split");
  b.root.write("2/3.jpg", "photo 1/4.jpG");  // equal size, other bytes
  EXPECT_EQ(refusal(a.dataset, b.dataset), "accepted");
  b.dataset.photos[0].path = "/absent.jpg";
  EXPECT_EQ(refusal(a.dataset, b.dataset), "/absent.jpg: cannot be read: No such file or directory");
}

TEST(CheckDisjoint, ACopyWithinOneSideIsNoLeak) {
  People a, b;
  a.add("1", 0);
  a.root.write("1/3.jpg", "photo 1/4.jpg");
  b.add("2", 0);
  EXPECT_EQ(refusal(a.dataset, b.dataset), "accepted");
}

TEST(Split, EmptyFilesTieNobodyTogether) {
  TemporaryFolder folder;
  Dataset dataset{{}, {"a"}};
  for (int person = 0; person < 12; ++person)
    for (int photo = 0; photo < 2; ++photo) {
      const std::string name = fmt::format("{}_{}.jpg", person, photo);
      dataset.photos.push_back({folder.write(name, photo == 0 ? name : ""), 0, std::to_string(person)});
    }
  const Split split = split_by_person(dataset, 0.25, 1);
  EXPECT_EQ(split.merged_people, 0);
  EXPECT_EQ(split.holdout_people, 3);
}

}  // namespace
}  // namespace mcnn
