// The optimizer apart from its kernels: which parameters decay, the norm it reports, and swapping averages in and out.
// Next: train/optimizer.h.
#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/small_network.h"

namespace mcnn {
namespace {

std::vector<std::vector<float>> values_of(Trainee& trainee) {
  std::vector<std::vector<float>> all;
  for (const NamedTensor& t : trainee.engine.parameters().tensors()) all.push_back(to_floats(*trainee.ops, t.value));
  return all;
}

OptimizerOptions options_with(double ema) {
  OptimizerOptions options;
  options.ema = ema;
  return options;
}

TEST(Optimizer, SwappingAveragesTwiceRestores) {
  Trainee trainee(small_spec(), options_with(0.5));
  for (uint32_t i = 0; i < 2; ++i) trainee.step(i, random_batch(3, 32, 32, i));
  const auto weights = values_of(trainee);
  trainee.optimizer.swap_averages();
  EXPECT_NE(values_of(trainee), weights);
  trainee.optimizer.swap_averages();
  EXPECT_EQ(values_of(trainee), weights);
}

TEST(Optimizer, AveragesFollowTheWeightsAndTheStatistics) {
  constexpr double kDecay = 0.75;
  Trainee trainee(small_spec(), options_with(kDecay));
  auto expected = values_of(trainee);  // they begin as the weights
  for (uint32_t step = 0; step < 3; ++step) {
    trainee.step(step, random_batch(3, 32, 32, step));
    const auto now = values_of(trainee);
    for (std::size_t i = 0; i < now.size(); ++i)
      for (std::size_t j = 0; j < now[i].size(); ++j)
        expected[i][j] = static_cast<float>(kDecay * static_cast<double>(expected[i][j]) + (1 - kDecay) * static_cast<double>(now[i][j]));
  }
  trainee.optimizer.swap_averages();
  const auto averages = values_of(trainee);
  for (std::size_t i = 0; i < averages.size(); ++i)
    for (std::size_t j = 0; j < averages[i].size(); ++j)
      ASSERT_NEAR(averages[i][j], expected[i][j], 1e-6 * std::max(1.f, std::abs(expected[i][j])))
          << trainee.engine.parameters().tensors()[i].name;
}

TEST(Optimizer, TrainingGoesOnFromTheWeightsAfterSwappingBack) {
  Trainee swapped(small_spec(), options_with(0.5)), plain(small_spec(), options_with(0.5));
  for (uint32_t i = 0; i < 3; ++i) {
    for (Trainee* t : {&swapped, &plain}) t->step(i, random_batch(3, 32, 32, i));
    swapped.optimizer.swap_averages();
    swapped.engine.logits(random_batch(2, 32, 32));
    swapped.optimizer.swap_averages();
  }
  EXPECT_EQ(values_of(swapped), values_of(plain));
}

TEST(Optimizer, WithoutAveragesSwappingDoesNothing) {
  Trainee trainee(small_spec(), options_with(0));
  const auto weights = values_of(trainee);
  trainee.optimizer.swap_averages();
  EXPECT_EQ(values_of(trainee), weights);
}

TEST(Optimizer, ReportsTheNormOfAllGradientsBeforeClipping) {
  OptimizerOptions options;
  options.clip_norm = 1e-3;
  Trainee trainee(small_spec(), options);
  trainee.engine.gradients(random_batch(3, 32, 32), {.learning_rate = 1e-2f}, 0.1f);
  double squares = 0;
  for (const NamedTensor& t : trainee.engine.parameters().tensors())
    if (t.trainable)
      for (const float g : to_floats(*trainee.ops, t.gradient)) squares += static_cast<double>(g) * g;
  ASSERT_GT(std::sqrt(squares), options.clip_norm);
  EXPECT_NEAR(trainee.optimizer.step() / std::sqrt(squares), 1.0, 1e-5);
}

TEST(Optimizer, ClippedSgdMovesByTheLimitTimesTheLearningRate) {
  OptimizerOptions options;
  options.name = "sgd";
  options.momentum = 0;
  options.weight_decay = 0;
  options.clip_norm = 0.5;
  Trainee trainee(small_spec(), options);
  trainee.engine.gradients(random_batch(3, 32, 32), {.learning_rate = 0.1f}, 0.1f);  // also moves the running statistics
  const auto before = values_of(trainee);
  ASSERT_GT(trainee.optimizer.step(), 0.5);
  const auto after = values_of(trainee);
  double squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < before[i].size(); ++j) squares += std::pow(static_cast<double>(after[i][j]) - before[i][j], 2);
  EXPECT_NEAR(std::sqrt(squares), 0.05, 1e-5);
}

TEST(Optimizer, NormsAndBiasesDecayOnlyWhenAsked) {
  for (const std::string name : {"adamw", "sgd"})
    for (const bool all : {false, true}) {
      OptimizerOptions options;
      options.name = name;
      options.weight_decay = 0.5;
      options.decay_norm_and_bias = all;
      Trainee trainee(small_spec(), options);
      for (NamedTensor& t : trainee.engine.parameters().tensors())
        if (t.trainable) trainee.ops->run(Fill{t.gradient, 0.f});
      trainee.ops->begin_step({.step = 0, .learning_rate = 0.1f});
      const auto before = values_of(trainee);
      trainee.optimizer.step();
      const auto after = values_of(trainee);
      std::size_t i = 0;
      for (const NamedTensor& t : trainee.engine.parameters().tensors()) {
        const bool decays = t.trainable && (all || t.kind != WeightKind::vector);
        for (std::size_t j = 0; j < before[i].size(); ++j)
          ASSERT_NEAR(after[i][j], before[i][j] * (decays ? 0.95f : 1.f), 1e-6f * std::max(1.f, std::abs(before[i][j])))
              << name << " " << t.name;
        ++i;
      }
    }
}

}  // namespace
}  // namespace mcnn
