// The forecast is what a step then takes, to the byte; and a run that does not fit is told what would.
#include "train/forecast.h"

#include <gtest/gtest.h>

#include <regex>

#include "tests/train/message.h"
#include "tests/train/small_network.h"

namespace mcnn {
namespace {

/// Bytes of parameters with the optimizer's state, and the arena's peak, of steps that were really taken.
MemoryForecast taken(const NetworkSpec& spec, const Config& config, int64_t batch, int64_t h, int64_t w) {
  Trainee trainee(spec, config);
  trainee.step(0, random_batch(batch, h, w));
  trainee.step(1, random_batch(batch, h, w));
  return {trainee.engine.parameters().bytes() + trainee.optimizer.bytes(), trainee.engine.arena().peak() + trainee.whole_step.bytes()};
}

void expect_exact(const NetworkSpec& spec, const Config& config, int64_t batch, int64_t h, int64_t w) {
  const MemoryForecast found = taken(spec, config, batch, h, w), expected = forecast(spec, config, batch, h, w);
  EXPECT_EQ(found.parameters, expected.parameters);
  EXPECT_EQ(found.step, expected.step) << batch << " photos of " << h << "x" << w;
  EXPECT_EQ(expected.total(), expected.parameters + expected.step);
}

TEST(Forecast, IsWhatAStepTakes) {
  for (const int64_t batch : {2, 3, 8}) expect_exact(small_spec(), {}, batch, 40, 48);
  expect_exact(small_spec(true), {}, 4, 33, 47);
  NetworkSpec plain = small_spec();
  plain.dropout = plain.drop_path = 0.f;
  expect_exact(plain, {}, 4, 32, 32);
  plain.frozen_norm = true;
  expect_exact(plain, {}, 1, 32, 32);
}

TEST(Forecast, KnowsTheOptimizersState) {
  Config sgd, averaging;
  sgd.train.optimizer = "sgd";
  averaging.train.ema = 0.99;
  for (const Config& config : {sgd, averaging}) expect_exact(small_spec(), config, 2, 32, 32);
  const auto parameters = [](const Config& config) { return forecast(small_spec(), config, 2, 32, 32).parameters; };
  EXPECT_LT(parameters(sgd), parameters({}));
  EXPECT_GT(parameters(averaging), parameters({}));
}

TEST(Forecast, NarrowStorageHalvesTheFeatureMapsAlone) {
  Config narrow;
  narrow.model.storage = "bf16";
  const MemoryForecast wide = forecast(small_spec(), {}, 8, 64, 64), half = forecast(small_spec(), narrow, 8, 64, 64);
  EXPECT_EQ(half.parameters, wide.parameters);
  EXPECT_NEAR(static_cast<double>(half.step) / static_cast<double>(wide.step), 0.5, 0.05);
}

TEST(Forecast, GrowsWithTheBatch) {
  std::size_t before = 0;
  for (int64_t batch = 1; batch <= 40; ++batch) {
    const std::size_t total = forecast(small_spec(), {}, batch, 33, 47).total();
    EXPECT_GE(total, before) << batch;
    before = total;
  }
}

class RequireMemory : public testing::Test {
 protected:
  RequireMemory() { config.data.crop = 48; }
  std::size_t needed(int64_t batch) const { return forecast(spec, config, batch, config.data.crop, config.data.crop).total(); }
  std::string complaint(int batch, std::size_t available) {
    config.train.batch = batch;
    return message_of([&] { require_memory(spec, config, available); });
  }

  NetworkSpec spec = small_spec();
  Config config;
};

TEST_F(RequireMemory, NamesTheLargestBatchThatFits) {
  const std::size_t available = needed(6);
  EXPECT_EQ(complaint(6, available), "no error");
  EXPECT_EQ(complaint(1, available), "no error");
  for (const int batch : {7, 8, 64, 1000})
    EXPECT_TRUE(says(complaint(batch, available), {fmt::format("[train] batch = {}", batch), "GB", "batch = 6 fits"}));
  EXPECT_TRUE(says(complaint(6, available - 1), {"batch = 5 fits"}));
  EXPECT_LE(taken(spec, config, 6, 48, 48).total(), available);
  EXPECT_GT(taken(spec, config, 7, 48, 48).total(), available);
}

TEST_F(RequireMemory, SaysThatNothingFits) { EXPECT_TRUE(says(complaint(4, 1 << 20), {"[train] batch = 4", "not even batch = 1 fits"})); }

TEST_F(RequireMemory, MoreThanAnyMachineHas) {
  const std::size_t available = needed(9);
  EXPECT_TRUE(says(complaint(65536, available), {"batch = 9 fits"}));
  config.data.crop = 8192;
  EXPECT_TRUE(says(complaint(65536, available), {"[train] batch = 65536", "GB", "not even batch = 1 fits"}));
}

}  // namespace
}  // namespace mcnn
