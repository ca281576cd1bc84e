// The forecast equals the memory that a step uses, to the byte; for a run that does not fit, the error names a batch that does.
#include "train/forecast.h"

#include <gtest/gtest.h>

#include <regex>

#include "tests/train/message.h"
#include "tests/train/small_network.h"

namespace mcnn {
namespace {

/// The memory used by real steps: parameters with the optimizer's state, and the workspace.
MemoryForecast taken(const NetworkSpec& spec, const OptimizerOptions& options, int64_t batch, int64_t h, int64_t w) {
  Trainee trainee(spec, options);
  trainee.step(0, random_batch(batch, h, w));
  trainee.step(1, random_batch(batch, h, w));
  return {trainee.engine.parameters().bytes() + trainee.optimizer.bytes(), trainee.engine.workspace().bytes() + trainee.whole_step.bytes()};
}

void expect_exact(const NetworkSpec& spec, const OptimizerOptions& options, int64_t batch, int64_t h, int64_t w) {
  const MemoryForecast found = taken(spec, options, batch, h, w), expected = forecast(spec, DType::f32, options, batch, h, w);
  EXPECT_EQ(found.parameters, expected.parameters);
  EXPECT_EQ(found.step, expected.step) << batch << " photos of " << h << "x" << w;
  EXPECT_EQ(expected.total(), expected.parameters + expected.step);
}

TEST(Forecast, IsWhatAStepTakes) {
  for (const int64_t batch : {2, 3, 8}) expect_exact(small_spec(), {}, batch, 40, 48);
  expect_exact(small_spec("lite0"), {}, 4, 33, 47);
  NetworkSpec plain = small_spec();
  plain.dropout = plain.drop_path = 0.f;
  expect_exact(plain, {}, 4, 32, 32);
  plain.frozen_norm = true;
  expect_exact(plain, {}, 1, 32, 32);
}

TEST(Forecast, KnowsTheOptimizersState) {
  OptimizerOptions sgd, averaging;
  sgd.name = "sgd";
  averaging.ema = 0.99;
  for (const OptimizerOptions& options : {sgd, averaging}) expect_exact(small_spec(), options, 2, 32, 32);
  const auto parameters = [](const OptimizerOptions& options) { return forecast(small_spec(), DType::f32, options, 2, 32, 32).parameters; };
  EXPECT_LT(parameters(sgd), parameters({}));
  EXPECT_GT(parameters(averaging), parameters({}));
}

TEST(Forecast, NarrowStorageHalvesTheFeatureMapsAlone) {
  const MemoryForecast wide = forecast(small_spec(), DType::f32, {}, 64, 64, 64),
                       half = forecast(small_spec(), DType::bf16, {}, 64, 64, 64);
  EXPECT_EQ(half.parameters, wide.parameters);
  EXPECT_NEAR(static_cast<double>(half.step) / static_cast<double>(wide.step), 0.5, 0.05);  // with a copy of the weights
}

TEST(Forecast, GrowsWithTheBatch) {
  std::size_t before = 0;
  for (int64_t batch = 1; batch <= 40; ++batch) {
    const std::size_t total = forecast(small_spec(), DType::f32, {}, batch, 33, 47).total();
    EXPECT_GE(total, before) << batch;
    before = total;
  }
}

class RequireMemory : public testing::Test {
 protected:
  std::size_t needed(int64_t batch) const { return forecast(spec, DType::f32, {}, batch, side, side).total(); }
  std::string complaint(int64_t batch, std::size_t available) const {
    return message_of([&] { require_memory(spec, DType::f32, {}, batch, side, available); });
  }

  NetworkSpec spec = small_spec();
  int64_t side = 48;
};

TEST_F(RequireMemory, NamesTheLargestBatchThatFits) {
  const std::size_t available = needed(6);
  EXPECT_EQ(complaint(6, available), "no error");
  EXPECT_EQ(complaint(1, available), "no error");
  for (const int batch : {7, 8, 64, 1000})
    EXPECT_TRUE(says(complaint(batch, available), {fmt::format("[train] batch = {}", batch), "GB", "batch = 6 fits"}));
  EXPECT_TRUE(says(complaint(6, available - 1), {"batch = 5 fits"}));
  EXPECT_LE(taken(spec, {}, 6, 48, 48).total(), available);
  EXPECT_GT(taken(spec, {}, 7, 48, 48).total(), available);
}

TEST_F(RequireMemory, SaysThatNothingFits) { EXPECT_TRUE(says(complaint(4, 1 << 20), {"[train] batch = 4", "not even batch = 1 fits"})); }

TEST_F(RequireMemory, MoreThanAnyMachineHas) {
  const std::size_t available = needed(9);
  EXPECT_TRUE(says(complaint(65536, available), {"batch = 9 fits"}));
  side = 8192;
  EXPECT_TRUE(says(complaint(65536, available), {"[train] batch = 65536", "GB", "not even batch = 1 fits"}));
}

}  // namespace
}  // namespace mcnn
