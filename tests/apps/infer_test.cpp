// Runs mcnn-infer as a user does: answers in the order of the list, and the same scores as in training.
// Next: apps/mcnn-infer.cpp; inference/answers.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "data/csv.h"
#include "inference/metrics.h"
#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

class InferProgram : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=3"}))); }

  /// Adds --info and --output; stores the rows written in `answers`.
  Outcome infer(const std::string& info, std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"--run",    here / "run",    "--images", here / "photos", "--info", here.write("info.csv", info),
                                    "--output", here / "out.csv"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = run_program("mcnn-infer", all);
    if (outcome.status == 0) answers = lines_of(bytes_of(here / "out.csv"));
    return outcome;
  }

  Workplace here;
  std::vector<std::string> answers;
};

// In no order, with one photo twice.
const std::vector<std::pair<std::string, int>> kPhotos = {{"owl/owl1.jpg", 2}, {"cat/cat5.jpg", 0}, {"dog/dog0.jpg", 1},
                                                          {"cat/cat2.jpg", 0}, {"owl/owl0.jpg", 2}, {"cat/cat5.jpg", 0},
                                                          {"dog/dog3.jpg", 1}};

std::string info_of(const std::vector<std::pair<std::string, int>>& photos, bool truth) {
  std::string rows = "ImageID,ans\n";
  for (const auto& [name, label] : photos) rows += fmt::format("{},{}\n", name, truth ? label : 0);
  return rows;
}

TEST_F(InferProgram, AnswersStandInTheOrderOfTheList) {
  const std::string truth = here.write("gt.csv", info_of(kPhotos, true));
  const Outcome outcome = infer(info_of(kPhotos, false), {"--gt", truth});
  ASSERT_TRUE(succeeded(outcome));
  ASSERT_EQ(answers.size(), kPhotos.size() + 1);
  EXPECT_EQ(answers[0], "ImageID,ans");
  Confusion confusion(3);
  for (std::size_t i = 0; i < kPhotos.size(); ++i) {
    const auto comma = answers[i + 1].find(',');
    EXPECT_EQ(answers[i + 1].substr(0, comma), kPhotos[i].first);
    const int answer = std::stoi(answers[i + 1].substr(comma + 1));
    ASSERT_TRUE(answer >= 0 && answer < 3) << answers[i + 1];
    confusion.add(kPhotos[i].second, answer);
  }
  EXPECT_EQ(outcome.out, score_line(confusion, false) + "\n");

  const std::vector<std::string> expected = answers;
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"--batch", "1"}, {"--batch", "3", "--workers", "0"}, {"--threads", "2"}}) {
    ASSERT_TRUE(succeeded(infer(info_of(kPhotos, false), how)));
    EXPECT_EQ(answers, expected) << how[0];
  }
}

TEST_F(InferProgram, ScoresWhatTrainingScored) {
  const Csv split = read_csv_table(here / "run/split.csv");
  std::string info = "ImageID,ans\n";
  for (const CsvRow& row : split.rows) {
    if (row.fields[split.column("side")] != "held_out") continue;
    const auto& classes = Workplace::classes();
    const auto label = std::find(classes.begin(), classes.end(), row.fields[split.column("class")]) - classes.begin();
    info += fmt::format("{},{}\n", row.fields[split.column("path")], label);
  }
  const Outcome outcome = infer(info, {"--gt", here.write("gt.csv", info)});
  ASSERT_TRUE(succeeded(outcome));
  double best = -1, accuracy = 0;
  for (const std::string& line : lines_of(bytes_of(here / "run/log.jsonl"))) {
    const auto row = nlohmann::json::parse(line);
    if (row.at("macro_f1") > best) {
      best = row.at("macro_f1");
      accuracy = row.at("accuracy");
    }
  }
  EXPECT_EQ(outcome.out, fmt::format("macro F1 {:.4f}  accuracy {:.4f}\n", best, accuracy));
}

TEST_F(InferProgram, SinglePhotosGetTheirThreeLikeliestClasses) {
  const std::vector<std::string> photos = {here.photos()[7], here.photos()[0]};
  const Outcome outcome = run_program("mcnn-infer", {"--run", here / "run", photos[0], photos[1]});
  ASSERT_TRUE(succeeded(outcome));
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(lines[i].starts_with(photos[i] + ": ")) << lines[i];
    char names[3][8];
    double p[3];
    ASSERT_EQ(
        std::sscanf(lines[i].c_str() + photos[i].size(), ": %7s %lf, %7s %lf, %7s %lf", names[0], &p[0], names[1], &p[1], names[2], &p[2]),
        6)
        << lines[i];
    EXPECT_TRUE(p[0] >= p[1] && p[1] >= p[2]) << lines[i];
    EXPECT_NEAR(p[0] + p[1] + p[2], 1.0, 0.002) << lines[i];  // three digits each
    std::vector<std::string> sorted = {names[0], names[1], names[2]};
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, Workplace::classes());
  }
}

TEST_F(InferProgram, ProductsAreCarriedOutAsAskedFor) {
  const std::string photo = here.photos()[4];
  const auto on_sim = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"--run", here / "run", "--device", "sim", photo};
    all.insert(all.end(), more.begin(), more.end());
    return run_program("mcnn-infer", all);
  };
  const auto likeliest = [](const Outcome& outcome) {  // its class and its probability
    const std::string line = outcome.out.substr(outcome.out.find(": ") + 2);
    return std::pair(line.substr(0, line.find(' ')), std::stod(line.substr(line.find(' '))));
  };
  const Outcome own = on_sim({}), vendor = on_sim({"--products", "vendor", "--allow-tf32"});
  ASSERT_TRUE(succeeded(own));
  ASSERT_TRUE(succeeded(vendor));
  EXPECT_EQ(own.err.find("products"), std::string::npos) << own.err;
  EXPECT_NE(vendor.err.find("; products: reference loops; fp32 products as tf32) (device = sim)"), std::string::npos) << vendor.err;
  EXPECT_EQ(likeliest(vendor).first, likeliest(own).first);
  EXPECT_NEAR(likeliest(vendor).second, likeliest(own).second, 0.01);
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", "--products", "vender", photo}),
                         {"products 'vender'", "did you mean 'vendor'?"}));
}

TEST_F(InferProgram, TheWeightsFileAloneIsEnough) {
  ASSERT_TRUE(succeeded(infer(info_of(kPhotos, false))));
  std::filesystem::rename(here / "run/best.safetensors", here / "mine.safetensors");
  std::filesystem::remove_all(here / "run");
  const Outcome outcome = run_program("mcnn-infer", {"--checkpoint", here / "mine.safetensors", "--images", here / "photos", "--info",
                                                     here / "info.csv", "--output", here / "again.csv"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(lines_of(bytes_of(here / "again.csv")), answers);
}

TEST_F(InferProgram, BrokenPhotosStayWithoutAnAnswerIfAllowed) {
  here.write("photos/cat/cat5.jpg", "no photo at all");
  const Outcome outcome = infer(info_of(kPhotos, false), {"--skip-broken", "--gt", here.write("gt.csv", info_of(kPhotos, true))});
  ASSERT_TRUE(succeeded(outcome));
  ASSERT_EQ(answers.size(), kPhotos.size() + 1);
  EXPECT_EQ(answers[2], "cat/cat5.jpg,");
  EXPECT_EQ(answers[6], "cat/cat5.jpg,");
  EXPECT_NE(answers[1], "owl/owl1.jpg,");
  EXPECT_NE(outcome.err.find("cat5.jpg"), std::string::npos) << outcome.err;
}

TEST_F(InferProgram, NamesWithCommasAreQuoted) {
  here.write("photos/a, \"b\".jpg", tiny_photo(0, 50));
  ASSERT_TRUE(succeeded(infer("ImageID,ans\n\"a, \"\"b\"\".jpg\",0\n")));
  const Csv csv = read_csv_table(here / "out.csv");
  ASSERT_EQ(csv.rows.size(), 1u);
  EXPECT_EQ(csv.rows[0].fields[0], "a, \"b\".jpg");
}

TEST_F(InferProgram, FoldersAreWalkedInOrderAndOnce) {
  std::filesystem::create_directory_symlink(here / "photos", here / "photos/owl/up");
  here.write("photos/cat/notes.txt", "no photo");
  std::vector<std::string> expected = here.photos();
  std::sort(expected.begin(), expected.end());
  expected.push_back(here.photos()[3]);
  const Outcome outcome = run_program("mcnn-infer", {"--run", here / "run", here / "photos", here.photos()[3]});
  ASSERT_TRUE(succeeded(outcome));
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_TRUE(lines[i].starts_with(expected[i] + ": ")) << lines[i];
  EXPECT_NE(outcome.err.find("skipped: 1 files called .txt"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("skipped: 1 links to folders"), std::string::npos) << outcome.err;
  std::filesystem::create_directory(here / "empty");
  const Outcome nothing = run_program("mcnn-infer", {"--run", here / "run", here / "empty"});
  EXPECT_EQ(nothing.status, 1);
  EXPECT_NE(nothing.err.find("there are no photos in " + (here / "empty")), std::string::npos) << nothing.err;
}

TEST_F(InferProgram, EveryProbabilityAsJsonAndAsATable) {
  here.write("photos/cat/cat2.jpg", "no photo at all");
  const Outcome outcome = run_program(
      "mcnn-infer", {"--run", here / "run", "--json", "--skip-broken", "--probs", here / "p.csv", "--batch", "4", here / "photos"});
  ASSERT_TRUE(succeeded(outcome));
  const std::vector<std::string> lines = lines_of(outcome.out);
  const Csv table = read_csv_table(here / "p.csv");
  EXPECT_EQ(table.header, (std::vector<std::string>{"photo", "answer", "cat", "dog", "owl"}));
  ASSERT_EQ(lines.size(), here.photos().size());
  ASSERT_EQ(table.rows.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto object = nlohmann::json::parse(lines[i]);
    const std::vector<std::string>& row = table.rows[i].fields;
    EXPECT_EQ(object.at("photo"), row[0]);
    if (row[0].ends_with("cat2.jpg")) {
      EXPECT_NE(object.at("error").get<std::string>().find("cat2.jpg"), std::string::npos);
      EXPECT_EQ(row, (std::vector<std::string>{row[0], "", "", "", ""}));
      continue;
    }
    EXPECT_EQ(object.at("class"), row[1]);
    double sum = 0, most = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double p = object.at("probabilities").at(Workplace::classes()[k]);
      EXPECT_EQ(fmt::format("{:.7g}", p), row[2 + k]);
      sum += p;
      most = std::max(most, p);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(object.at("probabilities").at(row[1]).get<double>(), most);
  }
}

TEST_F(InferProgram, AnEmptyFolderAmongOthersCostsNothing) {
  std::filesystem::create_directory(here / "empty");
  const Outcome outcome = run_program("mcnn-infer", {"--run", here / "run", here / "empty", here / "photos", here / "empty"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(lines_of(outcome.out).size(), here.photos().size());
  EXPECT_NE(outcome.err.find("skipped: 2 folders without photos"), std::string::npos) << outcome.err;
}

TEST_F(InferProgram, ScoresAreNoLineOfJson) {
  const std::string truth = here.write("gt.csv", info_of(kPhotos, true));
  const Outcome outcome = infer(info_of(kPhotos, false), {"--gt", truth, "--json"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(lines_of(outcome.out).size(), kPhotos.size());
  for (const std::string& line : lines_of(outcome.out)) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_NE(outcome.err.find("macro F1"), std::string::npos);
  EXPECT_TRUE(complained(infer(info_of(kPhotos, false), {"--probs", here / "out.csv"}), {"--output and --probs are one file"}));
}

TEST_F(InferProgram, ATableOfMoreThanTheListIsLeftAlone) {
  const std::vector<std::string> all = {"--run", here / "run", "--probs", here / "p.csv", "--resume", "--skip-broken"};
  const auto over = [&](std::vector<std::string> photos) {
    photos.insert(photos.begin(), all.begin(), all.end());
    return run_program("mcnn-infer", photos);
  };
  ASSERT_TRUE(succeeded(over({here.photos()[0], here.photos()[1]})));
  const std::string whole = bytes_of(here / "p.csv");
  EXPECT_TRUE(complained(over({here.photos()[0]}), {"more than the 1 photos", "the list has changed"}));
  EXPECT_EQ(bytes_of(here / "p.csv"), whole);
  here.write("p.csv", whole + here.photos()[2] + ",ca");  // cut off, and not in the list
  ASSERT_TRUE(succeeded(over({here.photos()[0], here.photos()[1]})));
  EXPECT_EQ(bytes_of(here / "p.csv"), whole);
  // The missing photo is broken, which is no failure.
  ASSERT_TRUE(succeeded(over({here.photos()[0], here.photos()[1], here.write("broken.jpg", "no photo")})));
}

TEST_F(InferProgram, ATableOfAnotherNetworkIsNotGoneOnWith) {
  ASSERT_TRUE(succeeded(here.train("other", {"train.epochs=3", "run.seed=99"})));
  const auto with = [&](const std::string& run) {
    return run_program("mcnn-infer", {"--run", here / run, "--probs", here / "p.csv", "--resume", here / "photos"});
  };
  ASSERT_TRUE(succeeded(with("run")));
  const std::string whole = bytes_of(here / "p.csv");
  here.write("p.csv", whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1));  // the last row is missing
  const std::string cut = bytes_of(here / "p.csv");
  EXPECT_TRUE(complained(with("other"), {"p.csv", "made by another network, or with other settings"}));
  EXPECT_EQ(bytes_of(here / "p.csv"), cut);
  ASSERT_TRUE(succeeded(with("run")));
  EXPECT_EQ(bytes_of(here / "p.csv"), whole);
  here.write("p.csv", "my notes");
  EXPECT_TRUE(complained(with("run"), {"p.csv", "is no table of probabilities", "my notes"}));
  EXPECT_EQ(bytes_of(here / "p.csv"), "my notes");
  // A table that another program is writing.
  here.write("p.csv", cut);
  const int fd = ::open((here / "p.csv").c_str(), O_WRONLY);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_TRUE(complained(with("run"), {"p.csv", "another program is writing it"}));
  ::close(fd);
}

TEST_F(InferProgram, WhatIsMissingOrUnreadableIsLeftOutIfAllowed) {
  const std::string info = info_of({{"cat/cat5.jpg", 0}, {"cat/none.jpg", 0}, {"owl/owl1.jpg", 2}}, false);
  EXPECT_TRUE(complained(infer(info), {"none.jpg"}));
  ASSERT_TRUE(succeeded(infer(info, {"--skip-broken"})));
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[2], "cat/none.jpg,");
}

TEST_F(InferProgram, ACutOffTableIsGoneOnWith) {
  here.write("photos/cat/a, \"b\"\nc.jpg", tiny_photo(0, 50));
  const std::vector<std::string> all = {"--run", here / "run", "--batch", "2", "--probs", here / "p.csv", here / "photos"};
  ASSERT_TRUE(succeeded(run_program("mcnn-infer", all)));
  const std::string whole = bytes_of(here / "p.csv");
  EXPECT_TRUE(complained(run_program("mcnn-infer", all), {"p.csv", "exists already", "--resume"}));
  EXPECT_EQ(bytes_of(here / "p.csv"), whole);
  std::vector<std::string> resumed = all;
  resumed.push_back("--resume");
  for (std::size_t length = 0; length <= whole.size(); length += length + 7 < whole.size() ? 7 : 1) {
    here.write("p.csv", whole.substr(0, length));
    ASSERT_TRUE(succeeded(run_program("mcnn-infer", resumed)));
    ASSERT_EQ(bytes_of(here / "p.csv"), whole) << "cut off after " << length;
    if (length > 100) length += 60;
  }
  here.write("p.csv", "photo,answer,cat,dog\n");
  EXPECT_TRUE(complained(run_program("mcnn-infer", resumed), {"p.csv", "classes"}));
  here.write("p.csv", whole);
  here.write("photos/cat/aaa.jpg", tiny_photo(0, 50));
  EXPECT_TRUE(complained(run_program("mcnn-infer", resumed), {"p.csv", "row 2", "the list has changed"}));
}

}  // namespace
}  // namespace mcnn
