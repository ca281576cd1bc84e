// Runs mcnn-train as a user does: the files of a run, repeating it, interrupting and resuming it, and every layout.
// Next: train/trainer.h; workplace.h sets up each test.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "data/csv.h"
#include "formats/tensor_file.h"
#include "tests/apps/workplace.h"
#include "train/config.h"
#include "train/schedule.h"

namespace mcnn {
namespace {

class TrainProgram : public testing::Test {
 protected:
  std::vector<nlohmann::json> log_of(const std::string& run) const {
    std::vector<nlohmann::json> rows;
    for (const std::string& line : lines_of(bytes_of(here / (run + "/log.jsonl")))) rows.push_back(nlohmann::json::parse(line));
    return rows;
  }
  void expect_same_weights(const std::string& found, const std::string& expected) const {
    for (const char* file : {"/best.safetensors", "/last.safetensors"})
      EXPECT_TRUE(bytes_of(here / (found + file)) == bytes_of(here / (expected + file)))
          << found << file << " differs from " << expected << "'s";
  }

  Workplace here;
};

TEST_F(TrainProgram, ARunIsAFolder) {
  const Outcome outcome = here.train("run");
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(here.names_in("run"), (std::vector<std::string>{"best.safetensors", "config.ini", "last.safetensors", "log.jsonl",
                                                            "previous.safetensors", "split.csv"}));

  const std::vector<nlohmann::json> log = log_of("run");
  ASSERT_EQ(log.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(log[i].at("epoch"), i + 1);
    EXPECT_EQ(log[i].at("steps"), 3 * (i + 1));  // 12 photos, 4 per step
    for (const char* key : {"loss", "macro_f1", "accuracy", "images_per_second", "seconds"}) EXPECT_TRUE(log[i].at(key).is_number()) << key;
  }

  std::map<std::string, std::set<std::string>> sides;
  const Csv split = read_csv_table(here / "run/split.csv");
  for (const CsvRow& row : split.rows) {
    const std::string& path = row.fields[split.column("path")];
    EXPECT_TRUE(sides[row.fields[split.column("side")]].insert(path).second) << path << " stands there twice";
    EXPECT_NE(path.find("/" + row.fields[split.column("class")] + "/"), std::string::npos) << path;
  }
  EXPECT_EQ(sides["train"].size(), 12u);
  EXPECT_EQ(sides["held_out"].size(), 6u);

  const TensorFile best = open_tensor_file(here / "run/best.safetensors"), last = open_tensor_file(here / "run/last.safetensors");
  EXPECT_EQ(best.metadata().at("classes"), R"(["cat","dog","owl"])");
  EXPECT_EQ(last.metadata().at("epochs"), "2");
  for (const StoredTensor& t : best.tensors()) EXPECT_TRUE(last.find(t.name) || t.name.ends_with("num_batches_tracked")) << t.name;
  EXPECT_EQ(best.find("optimizer.m.conv_stem.weight"), nullptr);
  EXPECT_NE(last.find("optimizer.m.conv_stem.weight"), nullptr);
}

TEST_F(TrainProgram, ItsConfigurationRepeatsIt) {
  ASSERT_TRUE(succeeded(here.train("run")));
  const std::string config = here / "run/config.ini";
  ASSERT_TRUE(succeeded(run_program("mcnn-train", {config, "--set", "run.dir=" + here / "again"})));
  expect_same_weights("again", "run");
  ASSERT_TRUE(succeeded(run_program("mcnn-train", {config, "--set", "run.dir=" + here / "otherwise", "--set", "run.threads=2", "--set",
                                                   "data.workers=3", "--set", "data.cache_mb=0"})));
  expect_same_weights("otherwise", "run");  // neither threads nor the cache change a bit
  ASSERT_TRUE(succeeded(run_program("mcnn-train", {config, "--set", "run.dir=" + here / "other_seed", "--set", "run.seed=4"})));
  EXPECT_TRUE(bytes_of(here / "other_seed/last.safetensors") != bytes_of(here / "run/last.safetensors"));
}

TEST_F(TrainProgram, TheCudaKernelsTrainLikeTheCpu) {
  // Photos, batches and steps large enough that rounding errors are not amplified, as they would be with four values per batch norm.
  std::vector<std::string> settings = {"data.crop=64", "train.batch=6", "train.learning_rate=1e-4", "run.device=cpu"};
  ASSERT_TRUE(succeeded(here.train("cpu", settings)));
  settings.back() = "run.device=sim";
  const Outcome outcome = here.train("sim", settings);
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("backend: sim ("), std::string::npos) << outcome.out;
  const std::vector<nlohmann::json> cpu = log_of("cpu"), sim = log_of("sim");
  ASSERT_EQ(sim.size(), cpu.size());
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    EXPECT_NEAR(sim[i].at("loss").get<double>() / cpu[i].at("loss").get<double>(), 1.0, 1e-3) << "epoch " << i + 1;
    EXPECT_EQ(sim[i].at("steps"), cpu[i].at("steps"));
  }
  const Outcome tf32 = here.train("tf32", {"run.device=sim", "run.products=vendor", "run.allow_tf32=true"}, {"--steps", "1"});
  ASSERT_TRUE(succeeded(tf32));
  EXPECT_NE(tf32.out.find("; products: reference loops; fp32 products as tf32) ("), std::string::npos) << tf32.out;
  const Outcome narrow = here.train("narrow", {"run.device=sim", "model.storage=bf16"}, {"--steps", "2"});
  EXPECT_TRUE(succeeded(narrow));
  EXPECT_TRUE(complained(here.train("refused", {"run.device=cpu", "model.storage=f16"}), {"backend cpu", "f16"}));
}

TEST_F(TrainProgram, InterruptedItGoesOnAsIfItHadNotStopped) {
  ASSERT_TRUE(succeeded(here.train("whole")));
  ASSERT_TRUE(succeeded(here.train("stopped", {}, {"--steps", "4"})));  // within the second epoch
  ASSERT_EQ(log_of("stopped").size(), 1u);
  EXPECT_TRUE(bytes_of(here / "stopped/last.safetensors") != bytes_of(here / "whole/last.safetensors"));
  ASSERT_TRUE(succeeded(here.resume("stopped")));
  expect_same_weights("stopped", "whole");
  ASSERT_EQ(log_of("stopped").size(), 2u);
  EXPECT_EQ(log_of("stopped")[1].at("loss"), log_of("whole")[1].at("loss"));
  EXPECT_EQ(log_of("stopped")[1].at("macro_f1"), log_of("whole")[1].at("macro_f1"));

  const Outcome finished = here.resume("stopped");
  ASSERT_TRUE(succeeded(finished));
  EXPECT_NE(finished.out.find("all 2 epochs are done"), std::string::npos) << finished.out;
  expect_same_weights("stopped", "whole");
}

TEST_F(TrainProgram, AFolderWithoutACheckpointIsUsedAgain) {
  ASSERT_TRUE(succeeded(here.train("whole")));
  const std::string photo = bytes_of(here.photos()[0]);
  here.write("photos/cat/cat0.jpg", "no photo at all");
  ASSERT_TRUE(complained(here.train("run", {"data.holdout=0"}), {"cat0.jpg"}));
  here.write("photos/cat/cat0.jpg", photo);
  ASSERT_TRUE(succeeded(here.train("run", {}, {"--profile", "--steps", "1"})));
  const Outcome outcome = here.train("run");
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("starting it again"), std::string::npos) << outcome.out;
  expect_same_weights("run", "whole");
}

TEST_F(TrainProgram, KilledItGoesOnToo) {
  ASSERT_TRUE(succeeded(here.train("whole", {"train.epochs=4"})));
  const std::string last = here / "killed/last.safetensors";
  run_and_kill("mcnn-train", {here / "config.ini", "--set", "train.epochs=4", "--set", "run.dir=" + here / "killed"},
               [&] { return std::filesystem::exists(last); });
  ASSERT_TRUE(std::filesystem::exists(last));
  ASSERT_TRUE(succeeded(here.resume("killed")));
  expect_same_weights("killed", "whole");
}

TEST_F(TrainProgram, ResumesWhereverItsFolderAndTheUserMove) {
  const std::string relative = std::filesystem::relative(here / "photos").string();
  ASSERT_TRUE(succeeded(here.train("seed", {"train.epochs=1"})));
  const std::vector<std::string> settings = {"data.root=" + relative, "weights.init=" + here / "seed/best.safetensors"};
  ASSERT_TRUE(succeeded(here.train("whole", settings)));
  ASSERT_TRUE(succeeded(here.train("first", settings, {"--steps", "4"})));
  std::filesystem::rename(here / "first", here / "moved");
  std::filesystem::remove_all(here / "seed");  // the initial weights are not needed to resume
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(here / "moved");
  const Outcome outcome = run_program("mcnn-train", {"--resume", "."});
  std::filesystem::current_path(before);
  ASSERT_TRUE(succeeded(outcome));
  expect_same_weights("moved", "whole");
}

TEST_F(TrainProgram, ATableOfPhotosTrainsLikeFolders) {
  std::string rows = "path,label,group\n";
  for (const std::string& photo : here.photos()) {
    const std::filesystem::path path(photo);
    rows += fmt::format("{},{},{}\n", std::filesystem::relative(path, here / "photos").string(), path.parent_path().filename().string(),
                        path.stem().string());
  }
  here.write("table.csv", rows);
  const Outcome folders = here.train("folders"), table = here.train("table", {"data.layout=csv", "data.csv=" + here / "table.csv"});
  ASSERT_TRUE(succeeded(folders));
  ASSERT_TRUE(succeeded(table));
  const std::string unknown = "the data set does not say who is on which photo";
  EXPECT_NE(folders.out.find(unknown), std::string::npos) << folders.out;
  EXPECT_EQ(table.out.find(unknown), std::string::npos) << table.out;
  expect_same_weights("table", "folders");
}

TEST_F(TrainProgram, TheCompetitionsLayoutAsMcnnDataDrawsIt) {
  ASSERT_TRUE(succeeded(run_program("mcnn-data", {"synth", here / "drawn", "--people", "6"})));
  const Outcome outcome = here.train(
      "run", {"data.layout=competition", "data.root=" + here / "drawn/train", "train.epochs=1", "train.batch=16", "data.holdout=0.2"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("18 classes"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("mask "), std::string::npos) << "the three tasks are scored: " << outcome.out;
}

TEST_F(TrainProgram, StartsFromTheWeightsOfAnotherRun) {
  ASSERT_TRUE(succeeded(here.train("first")));
  ASSERT_TRUE(succeeded(here.train("still", {"weights.init=" + here / "first/best.safetensors", "train.learning_rate=0", "train.epochs=1",
                                             "train.ema=0", "model.frozen_norm=true"})));
  const TensorFile first = open_tensor_file(here / "first/best.safetensors"), still = open_tensor_file(here / "still/best.safetensors");
  for (const StoredTensor& t : first.tensors()) {
    if (t.name.ends_with("num_batches_tracked")) continue;
    EXPECT_EQ(as_floats(*still.find(t.name)), as_floats(t)) << t.name;
  }
  std::filesystem::rename(here / "photos/owl", here / "photos/emu");
  const Outcome other = here.train("other", {"weights.init=" + here / "first/best.safetensors"});
  ASSERT_TRUE(succeeded(other));
  EXPECT_NE(other.out.find("classifier: the file's has 3 classes (cat, dog, owl); initialised instead"), std::string::npos) << other.out;
}

TEST_F(TrainProgram, WithoutHeldOutPeopleTheLastEpochIsKept) {
  ASSERT_TRUE(succeeded(here.train("run", {"data.holdout=0", "train.ema=0"})));
  const TensorFile best = open_tensor_file(here / "run/best.safetensors"), last = open_tensor_file(here / "run/last.safetensors");
  EXPECT_EQ(as_floats(*best.find("conv_stem.weight")), as_floats(*last.find("conv_stem.weight")));
  EXPECT_FALSE(log_of("run")[0].contains("macro_f1"));
}

TEST_F(TrainProgram, TheBestWeightsAreTheAverages) {
  ASSERT_TRUE(succeeded(here.train("run", {"data.holdout=0"})));  // ema = 0.5
  const TensorFile best = open_tensor_file(here / "run/best.safetensors"), last = open_tensor_file(here / "run/last.safetensors");
  for (const StoredTensor& t : best.tensors()) {
    if (t.name.ends_with("num_batches_tracked")) continue;
    EXPECT_EQ(as_floats(t), as_floats(*last.find("optimizer.ema." + t.name))) << t.name;
  }
  EXPECT_NE(as_floats(*best.find("classifier.weight")), as_floats(*last.find("classifier.weight")));
}

TEST_F(TrainProgram, TheBestEpochIsKeptOrTheLast) {
  const auto steps_of = [&](const std::string& run) {
    const TensorFile best = open_tensor_file(here / (run + "/best.safetensors"));
    return static_cast<int>(as_floats(*best.find("bn1.num_batches_tracked"))[0]);
  };
  ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=5", "train.ema=0", "train.learning_rate=0.01"})));
  nlohmann::json best = {{"macro_f1", -1.0}};
  for (const nlohmann::json& row : log_of("run"))
    if (row.at("macro_f1") > best.at("macro_f1")) best = row;
  EXPECT_EQ(steps_of("run"), best.at("steps"));
  // A network that does not change has the same score in every epoch, and the first one is kept.
  const std::vector<std::string> still = {"train.learning_rate=0", "model.frozen_norm=true", "train.epochs=3"};
  ASSERT_TRUE(succeeded(here.train("still", still)));
  EXPECT_EQ(steps_of("still"), 3);
  ASSERT_TRUE(succeeded(here.train("last", {still[0], still[1], still[2], "train.select=last"})));
  EXPECT_EQ(steps_of("last"), 9);
}

TEST_F(TrainProgram, BrokenPhotosAreCountedAndNamedIfAllowed) {
  here.write("photos/cat/cat0.jpg", "no photo at all");
  const std::string dog = tiny_photo(1, 0);
  here.write("photos/dog/dog0.jpg", dog.substr(0, dog.size() / 2));
  const Outcome outcome = here.train("run", {"data.skip_broken=true", "data.holdout=0"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(log_of("run").back().at("broken_photos"), 2);
  for (const char* name : {"cat0.jpg", "dog0.jpg"}) EXPECT_NE(outcome.out.find(name), std::string::npos) << outcome.out;
  const Outcome split = here.train("split", {"data.skip_broken=true"});
  ASSERT_TRUE(succeeded(split));
  EXPECT_EQ(log_of("split").back().at("broken_photos"), 2) << "whichever side they are on";
}

TEST_F(TrainProgram, TheRateEndsAtZeroThoughPhotosAreLeftOut) {
  for (const char* photo : {"cat/cat0.jpg", "dog/dog0.jpg", "owl/owl5.jpg"}) here.write(std::string("photos/") + photo, "no photo at all");
  const std::vector<std::string> settings = {"data.skip_broken=true", "data.holdout=0", "train.epochs=3"};
  ASSERT_TRUE(succeeded(here.train("whole", settings)));
  const nlohmann::json last = log_of("whole").back();
  EXPECT_EQ(last.at("steps"), 9);  // 15 photos, 4 per step; 18 would make 12 steps
  const CosineSchedule schedule{.peak = 1e-3, .warmup_steps = 2, .total_steps = 9};
  EXPECT_DOUBLE_EQ(last.at("learning_rate"), schedule.at(8));
  ASSERT_TRUE(succeeded(here.train("stopped", settings, {"--steps", "4"})));
  ASSERT_TRUE(succeeded(here.resume("stopped")));
  expect_same_weights("stopped", "whole");
}

TEST_F(TrainProgram, DescribesTheNetworkWithoutTrainingIt) {
  const Outcome outcome = here.train("run", {}, {"--describe"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("(4,3)"), std::string::npos) << "as many classes as folders: " << outcome.out;
  for (const char* word : {"conv_stem", "blocks.6.0", "classifier"}) EXPECT_NE(outcome.out.find(word), std::string::npos) << outcome.out;
  EXPECT_FALSE(std::filesystem::exists(here / "run"));
}

TEST_F(TrainProgram, DescribesAStepWithoutTakingIt) {
  const Outcome outcome = here.train("run", {}, {"--describe-step"});
  ASSERT_TRUE(succeeded(outcome));
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_GT(lines.size(), 100u);
  EXPECT_NE(lines.front().find("normalize_images"), std::string::npos) << lines.front();
  EXPECT_NE(lines[lines.size() - 2].find("ema"), std::string::npos) << lines[lines.size() - 2];  // behind adamw
  EXPECT_NE(lines[lines.size() - 3].find("adamw"), std::string::npos) << lines[lines.size() - 3];
  EXPECT_NE(outcome.out.find("blocks.6.0"), std::string::npos);
  EXPECT_NE(lines.back().find(" operations; "), std::string::npos) << lines.back();
  EXPECT_FALSE(std::filesystem::exists(here / "run"));
}

TEST_F(TrainProgram, HelpIsAConfigurationItself) {
  const Outcome outcome = run_program("mcnn-train", {"--help-config"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(outcome.out, write_config(read_config(here.write("help.ini", outcome.out))));
  const Outcome help = run_program("mcnn-train", {"--help"});
  ASSERT_TRUE(succeeded(help));
  EXPECT_NE(help.out.find("--resume"), std::string::npos);
}

TEST(Programs, SayTheirVersion) {
  for (const std::string program : {"mcnn-train", "mcnn-infer", "mcnn-data", "mcnn-weights"}) {
    const Outcome outcome = run_program(program, {"--version"});
    EXPECT_TRUE(succeeded(outcome));
    EXPECT_TRUE(std::regex_match(outcome.out, std::regex(program + R"( \d+\.\d+\.\d+\n)"))) << outcome.out;
  }
}

TEST_F(TrainProgram, ProfilesAnEpoch) {
  const Outcome outcome = here.train("run", {}, {"--profile", "--steps", "2"});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("depthwise_backward"), std::string::npos) << outcome.out;
  EXPECT_FALSE(nlohmann::json::parse(bytes_of(here / "run/trace.json")).empty());
}

}  // namespace
}  // namespace mcnn
