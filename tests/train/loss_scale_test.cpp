// Loss scaling: how the scale changes, and that a step's result does not depend on it.
#include "train/loss_scale.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/train/small_network.h"

namespace mcnn {
namespace {

TEST(LossScale, HalvesAtOverflowAndDoublesAfterALongRunWithout) {
  LossScale scale;
  EXPECT_EQ(scale.value, 65536.f);
  scale.update(false);
  EXPECT_EQ(scale.value, 32768.f);
  for (int step = 1; step < LossScale::kPatience; ++step) scale.update(true);
  EXPECT_EQ(scale.value, 32768.f);
  scale.update(true);
  EXPECT_EQ(scale.value, 65536.f);
  for (int step = 1; step < LossScale::kPatience; ++step) scale.update(true);
  scale.update(false);  // the count of finite steps restarts
  for (int step = 1; step < LossScale::kPatience; ++step) scale.update(true);
  EXPECT_EQ(scale.value, 32768.f);
}

class LossScaleOf : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  Trainee fresh() const {
    OptimizerOptions options;
    options.name = std::get<1>(GetParam());
    options.clip_norm = 0.5;
    return {small_spec(), options, 1, 1, std::get<0>(GetParam())};
  }
  static void gradients(Trainee& trainee, float loss_scale) {
    trainee.engine.gradients(random_batch(3, 32, 32), {.seed = 11, .step = 3, .learning_rate = 0.1f, .loss_scale = loss_scale}, 0.1f);
  }
  static std::vector<std::vector<float>> weights(Trainee& trainee) {
    std::vector<std::vector<float>> all;
    for (const NamedTensor& t : trainee.engine.parameters().tensors())
      if (t.trainable) all.push_back(to_floats(*trainee.ops, t.value));
    return all;
  }
};

TEST_P(LossScaleOf, IsNotSeenInTheUpdate) {
  Trainee plain = fresh(), scaled = fresh();
  gradients(plain, 1);
  gradients(scaled, 1024);
  const double norm = plain.optimizer.step();
  EXPECT_GT(norm, 0.5);  // clipping takes part
  EXPECT_EQ(scaled.optimizer.step(), norm);
  EXPECT_EQ(weights(scaled), weights(plain));  // to the bit: a power of two changes no rounding
}

TEST_P(LossScaleOf, OverflowLeavesTheWeightsAsTheyWere) {
  Trainee trainee = fresh();
  const auto before = weights(trainee);
  for (const float poison : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    gradients(trainee, 1024);
    trainee.ops->run(Fill{trainee.engine.parameters().tensors().front().gradient, poison});
    EXPECT_FALSE(std::isfinite(trainee.optimizer.step()));
    EXPECT_EQ(weights(trainee), before);
  }
  gradients(trainee, 1024);
  EXPECT_TRUE(std::isfinite(trainee.optimizer.step()));
  EXPECT_NE(weights(trainee), before);
}

INSTANTIATE_TEST_SUITE_P(Backends, LossScaleOf, testing::Combine(testing::Values("ref", "cpu"), testing::Values("adamw", "sgd")),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::get<1>(test.param); });

}  // namespace
}  // namespace mcnn
