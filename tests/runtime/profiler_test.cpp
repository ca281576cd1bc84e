// The profiler: to which rows time is added, tables whose rows add up, and a trace that a browser can read.
// Next: runtime/profiler.h.
#include "runtime/profiler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "runtime/error.h"

namespace mcnn {
namespace {

void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

void run_step(Profiler& profiler) {
  const auto step = profiler.step();
  {
    const auto block = profiler.layer("blocks.2.1");
    {
      const auto operation = profiler.operation("pointwise_forward");
      wait();
    }
    const auto inner = profiler.layer("blocks.2.1.se");
    const auto operation = profiler.operation("pool_forward");
    wait();
  }
  const auto operation = profiler.operation("adamw");
  wait();
}

struct Line {
  std::string calls;
  double time = 0, share = 0;
};
/// The lines of one of the two tables by their names.
std::map<std::string, Line> lines_of(const std::string& tables, const std::string& title) {
  std::map<std::string, Line> lines;
  std::istringstream text(tables.substr(tables.find("\n" + title + " ") + 1));
  std::string line;
  std::getline(text, line);
  while (std::getline(text, line) && !line.empty()) {
    std::string name = line.substr(0, 32), calls = line.substr(33, 8);
    name.erase(name.find_last_not_of(' ') + 1);
    calls.erase(0, std::min(calls.find_first_not_of(' '), calls.size()));
    std::istringstream numbers(line.substr(41));
    numbers >> lines[name].time >> lines[name].share;
    lines[name].calls = calls;
  }
  return lines;
}

TEST(Profiler, RowsSumToTheStep) {
  Profiler profiler;
  profiler.enable(true);
  for (int i = 0; i < 3; ++i) run_step(profiler);
  const std::string tables = profiler.tables();
  EXPECT_EQ(tables.rfind("3 steps, ", 0), 0u) << tables;
  for (const char* title : {"operation", "layer"}) {
    const auto lines = lines_of(tables, title);
    ASSERT_TRUE(lines.contains("sum")) << tables;
    double time = 0, share = 0;
    for (const auto& [name, line] : lines) {
      if (name == "sum") continue;
      time += line.time, share += line.share;
    }
    EXPECT_GE(lines.at("sum").time, 18.0);
    EXPECT_NEAR(time, lines.at("sum").time, 0.01);
    EXPECT_NEAR(share, 100.0, 0.5);
  }
}

TEST(Profiler, OperationsOutsideOfStepsAreInTheSum) {
  Profiler profiler;
  profiler.enable(true);
  for (int i = 0; i < 2; ++i) {
    {
      const auto waiting = profiler.operation("loader");
      for (int k = 0; k < 10; ++k) wait();  // longer than the step
    }
    run_step(profiler);
  }
  const std::string tables = profiler.tables();
  for (const char* title : {"operation", "layer"}) {
    const auto lines = lines_of(tables, title);
    EXPECT_GE(lines.at("between operations").time, 0.0) << tables;
    EXPECT_GE(lines.at("sum").time, 40.0 + 12.0) << tables;
  }
}

TEST(Profiler, TimeIsBookedUnderTheInnermostLayer) {
  Profiler profiler;
  profiler.enable(true);
  run_step(profiler);
  run_step(profiler);
  const auto layers = lines_of(profiler.tables(), "layer"), operations = lines_of(profiler.tables(), "operation");
  for (const char* name : {"blocks.2.1", "blocks.2.1.se", "outside layers"}) {
    ASSERT_TRUE(layers.contains(name)) << name;
    EXPECT_EQ(layers.at(name).calls, "2");
    EXPECT_GE(layers.at(name).time, 4.0);
  }
  EXPECT_EQ(operations.at("pool_forward").calls, "2");
}

TEST(Profiler, CurrentLayerFollowsTheSpans) {
  Profiler profiler;
  profiler.enable(true);
  EXPECT_EQ(profiler.current_layer(), "");
  {
    const auto outer = profiler.layer("a");
    {
      const auto inner = profiler.layer("b");
      EXPECT_EQ(profiler.current_layer(), "b");
      EXPECT_THROW(profiler.clear(), Error);
    }
    EXPECT_EQ(profiler.current_layer(), "a");
  }
  EXPECT_EQ(profiler.current_layer(), "");
}

TEST(Profiler, SilentUntilEnabledAndAfterClear) {
  Profiler profiler;
  run_step(profiler);
  EXPECT_FALSE(lines_of(profiler.tables(), "operation").contains("adamw"));
  profiler.enable(true);
  run_step(profiler);
  EXPECT_TRUE(lines_of(profiler.tables(), "operation").contains("adamw"));
  profiler.clear();
  EXPECT_FALSE(lines_of(profiler.tables(), "operation").contains("adamw"));
}

TEST(Profiler, TraceIsJsonWithNestedSpans) {
  Profiler profiler;
  profiler.enable(true);
  run_step(profiler);
  const auto path = std::filesystem::temp_directory_path() / ("profiler_test." + std::to_string(getpid()) + ".json");
  profiler.write_chrome_trace(path);
  std::ifstream file(path);
  const auto trace = nlohmann::json::parse(file);
  std::filesystem::remove(path);
  const auto& events = trace.at("traceEvents");
  ASSERT_EQ(events.size(), 6u);
  std::map<std::string, nlohmann::json> by_name;
  for (const auto& event : events) by_name[event.at("name")] = event;
  const auto inside = [&](const char* inner, const char* outer) {
    const auto begin = [&](const char* name) { return by_name.at(name).at("ts").get<double>(); };
    const auto end = [&](const char* name) { return begin(name) + by_name.at(name).at("dur").get<double>(); };
    return begin(outer) <= begin(inner) && end(inner) <= end(outer) + 0.002;  // printed to a nanosecond
  };
  EXPECT_TRUE(inside("pool_forward", "blocks.2.1.se"));
  EXPECT_TRUE(inside("blocks.2.1.se", "blocks.2.1"));
  EXPECT_TRUE(inside("blocks.2.1", "step"));
  EXPECT_TRUE(inside("adamw", "step"));
  EXPECT_FALSE(inside("adamw", "blocks.2.1"));
  EXPECT_EQ(by_name.at("pool_forward").at("args").at("layer"), "blocks.2.1.se");
  EXPECT_EQ(by_name.at("pool_forward").at("ph"), "X");
}

TEST(Profiler, SaysWhichTraceItCannotWrite) {
  try {
    Profiler().write_chrome_trace("/nowhere/trace.json");
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "/nowhere/trace.json: cannot write the trace");
  }
}

}  // namespace
}  // namespace mcnn
