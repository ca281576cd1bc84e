// A training that is interrupted, by signals or SIGKILL, and resumed gives the same bits and log lines as an uninterrupted one.
// Next: train/interruption.h, train/fit.cpp.
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

class Interrupted : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(succeeded(here.train("whole", settings))); }

  /// log.jsonl without times and memory use.
  std::vector<std::string> log_of(const std::string& run) const {
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(bytes_of(here / (run + "/log.jsonl")))) {
      nlohmann::json row = nlohmann::json::parse(line);
      for (const char* measured : {"seconds", "images_per_second", "peak_resident_bytes"}) row.erase(measured);
      lines.push_back(row.dump());
    }
    return lines;
  }
  void expect_as_whole(const std::string& run) const {
    for (const char* file : {"/best.safetensors", "/last.safetensors"})
      EXPECT_TRUE(bytes_of(here / (run + file)) == bytes_of(here / ("whole" + std::string(file)))) << file;
    EXPECT_EQ(log_of(run), log_of("whole"));
    for (const std::string& name : here.names_in(run)) EXPECT_FALSE(name.starts_with(".mcnn.")) << name << " is left";
  }
  /// Runs a command line with the programs' folder as $bin.
  int shell(const std::string& line) const {
    const int status = std::system(("cd '" + (here / "") + "' && bin='" + MCNN_PROGRAMS + "' && " + line).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Saved after nearly every step, so that there is much to interrupt.
  const std::vector<std::string> settings = {"train.epochs=12", "train.checkpoint_minutes=1e-6"};
  const std::string command = "config.ini --set train.epochs=12 --set train.checkpoint_minutes=";
  Workplace here;
};

TEST_F(Interrupted, KilledAtFiftyMomentsItEndsWithTheSameBits) {
  std::mt19937 random(1);
  int kills = 0;
  while (kills < 50) {
    const bool resumes = fs::exists(here / "run/last.safetensors") || fs::exists(here / "run/previous.safetensors");
    std::vector<std::string> arguments = {"--resume", here / "run"};
    if (!resumes) {
      arguments = {here / "config.ini", "--set", "run.dir=" + here / "run"};
      for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20 + random() % 40);
    run_and_kill("mcnn-train", arguments, [&] { return std::chrono::steady_clock::now() >= until; });
    ++kills;
  }
  ASSERT_TRUE(succeeded(here.resume("run")));
  expect_as_whole("run");
}

TEST_F(Interrupted, SignalsSaveTheStateAndSayHowToGoOn) {
  for (const auto& [name, code] : {std::pair<std::string, int>{"INT", 130}, {"TERM", 143}, {"HUP", 129}}) {
    SCOPED_TRACE(name);
    const std::string run = "run" + name;
    int status = 0;
    for (int tenths = 1; tenths < 40; ++tenths) {  // later, until it is within the training
      fs::remove_all(here / run);
      status = shell("timeout --foreground --preserve-status -s " + name + " 0." + std::to_string(tenths) + " $bin/mcnn-train " + command +
                     "0 --set run.dir=" + run + " >out 2>err");
      if (status == code && fs::exists(here / (run + "/last.safetensors"))) break;
      if (status == 0) GTEST_SKIP() << "SKIPPED: this machine is too fast or too slow to be interrupted within the training";
    }
    ASSERT_EQ(status, code);
    EXPECT_NE(bytes_of(here / "err").find("mcnn-train --resume " + run + " continues"), std::string::npos) << bytes_of(here / "err");
    ASSERT_TRUE(succeeded(here.resume(run)));
    EXPECT_TRUE(bytes_of(here / (run + "/best.safetensors")) == bytes_of(here / "whole/best.safetensors"));
    EXPECT_EQ(log_of(run), log_of("whole"));
  }
}

TEST_F(Interrupted, SettingsThatChangeResultsAreRefusedAndOthersAreNot) {
  ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=12"}, {"--steps", "8"})));
  const std::string config = bytes_of(here / "run/config.ini");
  const auto with = [&](const std::string& from, const std::string& to) {
    const std::size_t at = config.find("\n" + from + "\n");
    EXPECT_NE(at, std::string::npos) << from;
    std::string changed = config;
    here.write("run/config.ini", changed.replace(at + 1, from.size(), to));
    return here.resume("run");
  };
  EXPECT_TRUE(complained(with("batch = 4", "batch = 3"), {"train.batch", "\"3\"", "\"4\""}));
  EXPECT_TRUE(complained(with("epochs = 12", "epochs = 13"), {"train.epochs"}));
  EXPECT_TRUE(complained(with("ema = 0.5", "ema = 0.6"), {"train.ema"}));
  EXPECT_TRUE(succeeded(with("threads = 1", "threads = 2")));
  EXPECT_TRUE(bytes_of(here / "run/best.safetensors") == bytes_of(here / "whole/best.safetensors"));
}

TEST_F(Interrupted, ADamagedStateIsPassedOver) {
  ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=12"}, {"--steps", "8"})));
  const std::string last = here / "run/last.safetensors";
  fs::resize_file(last, fs::file_size(last) / 2);
  const Outcome outcome = here.resume("run");
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.out.find("going on from"), std::string::npos) << outcome.out;
  EXPECT_TRUE(bytes_of(here / "run/best.safetensors") == bytes_of(here / "whole/best.safetensors"));
  EXPECT_EQ(log_of("run"), log_of("whole"));
}

}  // namespace
}  // namespace mcnn
