// Runs mcnn-data as a user does: its report on a data set, and the split that a training would make.
// Next: apps/mcnn-data.cpp; data/dataset_check.h.
#include <nlohmann/json.hpp>

#include "tests/apps/workplace.h"
#include "tests/data/pictures.h"

namespace mcnn {
namespace {

class DataProgram : public testing::Test {
 protected:
  /// people/{cat,dog}/{person}/photo.jpg
  DataProgram() {
    for (int i = 0; i < 8; ++i)
      here.write("people/" + std::string(i % 2 ? "cat" : "dog") + "/p" + std::to_string(i) + "/photo.jpg",
                 jpeg_file(smooth_picture(64, 48, i)));
  }
  Outcome check(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"check", here / "people"});
    return run_program("mcnn-data", more);
  }
  nlohmann::json found() {
    const Outcome outcome = check({"--json"});
    return nlohmann::json::parse(outcome.out);
  }

  Workplace here;
};

TEST_F(DataProgram, NothingIsWrongWithGoodData) {
  const Outcome outcome = check();
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("no problems"), std::string::npos) << outcome.out;
  const auto json = found();
  EXPECT_EQ(json.at("photos"), 8);
  EXPECT_EQ(json.at("people"), 8);
  EXPECT_EQ(json.at("classes").at("cat").at("photos"), 4);
  EXPECT_EQ(json.at("widths").at("median"), 64);
  EXPECT_EQ(json.at("formats").at("jpeg"), 8);
  EXPECT_EQ(json.at("problems"), 0);
}

TEST_F(DataProgram, EachKindOfTroubleIsFoundAndCounted) {
  here.write("people/cat/p1/broken.jpg", "no photo at all");
  here.write("people/cat/p1/empty.jpg", "");
  here.write("people/cat/p1/scan.jpg", std::string("II*\0\x08\0\0\0", 8));
  here.write("people/cat/p1/notes.txt", "");
  here.write("people/dog/p0/copy.jpg", jpeg_file(smooth_picture(64, 48, 2)));       // of another person's, the same class
  here.write("people/cat/p3/copy.jpg", jpeg_file(smooth_picture(64, 48, 4)));       // of another class
  here.write("people/dog/p6/again.jpg", jpeg_file(smooth_picture(64, 48, 0), 60));  // near another person's
  here.write("people/dog/p6/own.jpg", jpeg_file(smooth_picture(64, 48, 6), 60));    // near one of the same person
  here.write("people/dog/p6/small.png", png_file(smooth_picture(20, 20, 30)));
  here.write("people/dog/p6/long.png", png_file(smooth_picture(40, 200, 31)));
  const Outcome outcome = check();
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  for (const char* words : {"broken: 3", "is a TIFF", "skipped: 1 files called .txt", "duplicates (the same bytes): 2",
                            "of several classes", "20x20 pixels", "three times the other", "near-duplicates of one person: 1", "problems"})
    EXPECT_NE(outcome.out.find(words), std::string::npos) << words << "\n" << outcome.out;
  const auto json = found();
  EXPECT_EQ(json.at("broken").size(), 3u);
  ASSERT_EQ(json.at("duplicates").size(), 2u);
  int of_classes = 0, of_people = 0;
  for (const auto& group : json.at("duplicates")) {
    of_classes += group.at("several_classes").get<bool>();
    of_people += group.at("several_people").get<bool>();
  }
  EXPECT_EQ(of_classes, 1);
  EXPECT_EQ(of_people, 2);
  EXPECT_EQ(json.at("near_duplicates").size(), 2u);
  EXPECT_EQ(json.at("odd").size(), 2u);
  EXPECT_EQ(json.at("formats").at("png"), 2);
  EXPECT_EQ(json.at("skipped").at("files called .txt"), 1);
  EXPECT_EQ(json.at("problems"), 3 + 1 + 1);
  // The findings do not depend on the number of threads.
  for (const char* threads : {"1", "3"}) EXPECT_EQ(nlohmann::json::parse(check({"--json", "--threads", threads}).out), json);
}

TEST_F(DataProgram, WhatKeepsFromTrainingIsAProblem) {
  here.write("people/stray.jpg", jpeg_file(smooth_picture(64, 48, 50)));
  std::filesystem::create_symlink("/nowhere", here / "people/owl");
  const Outcome outcome = check();
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("1 dangling links"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("1 photos beside the class folders"), std::string::npos) << outcome.out;
  // One folder too high.
  here.write("high/people/cat/p0/photo.jpg", jpeg_file(smooth_picture(64, 48, 1)));
  const Outcome high = run_program("mcnn-data", {"check", here / "high"});
  EXPECT_EQ(high.status, 2);
  EXPECT_NE(high.out.find("photos of only one class"), std::string::npos) << high.out;
  ASSERT_TRUE(succeeded(run_program("mcnn-data", {"synth", here / "faces", "--people", "2"})));
  std::filesystem::create_directory(here / "faces/train/images/000099_male_x_33");
  EXPECT_NE(run_program("mcnn-data", {"check", here / "faces/train"}).out.find("1 folders that train.csv does not list"),
            std::string::npos);
}

TEST_F(DataProgram, WhatCannotBeCheckedIsALine) {
  EXPECT_TRUE(complained(run_program("mcnn-data", {"check", here / "nowhere"}), {"nowhere", "is no folder"}));
  EXPECT_TRUE(complained(run_program("mcnn-data", {"check", here / "people", "--layout", "folders", "--csv", "a.csv"}), {"--csv is for"}));
  // An error of the data is a finding in the JSON output too.
  const Outcome table = run_program("mcnn-data", {"check", here / "people/dog/p0"}),
                json = run_program("mcnn-data", {"check", here / "people/dog/p0", "--json"});
  EXPECT_EQ(table.status, 2);
  EXPECT_NE(table.out.find("p0: has no folders"), std::string::npos) << table.out;
  EXPECT_EQ(json.status, 2);
  EXPECT_EQ(nlohmann::json::parse(json.out).at("obstacles").size(), 1u);
  EXPECT_TRUE(complained(run_program("mcnn-data", {"check", here / "people", "--layout", "csv"}), {"--csv"}));
}

TEST_F(DataProgram, TheSplitIsTheOneThatATrainingMakes) {
  ASSERT_TRUE(succeeded(here.train("run", {"data.holdout=0.4", "run.seed=5"})));
  const std::vector<std::string> arguments = {"split", here / "run/config.ini"};
  const Outcome printed = run_program("mcnn-data", arguments);
  ASSERT_TRUE(succeeded(printed));
  EXPECT_EQ(printed.out, bytes_of(here / "run/split.csv"));
  ASSERT_TRUE(succeeded(run_program("mcnn-data", {"split", here / "run/config.ini", "--output", here / "mine.csv"})));
  EXPECT_EQ(bytes_of(here / "mine.csv"), printed.out);
  const Outcome other = run_program("mcnn-data", {"split", here / "run/config.ini", "--set", "run.seed=6"});
  ASSERT_TRUE(succeeded(other));
  EXPECT_NE(other.out, printed.out);
  EXPECT_TRUE(
      complained(run_program("mcnn-data", {"split", here / "run/config.ini", "--output", here / "none/mine.csv"}), {"--output", "none"}));
}

}  // namespace
}  // namespace mcnn
