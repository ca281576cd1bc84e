// Copies of weights in the storage type (kernels/cuda/stored_weights.h): they follow whatever changes the weights, and a step makes
// all of them by one launch.
#include <gtest/gtest.h>

#include <vector>

#include "emulator/counters.h"
#include "kernels/cuda/cuda_ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

class StoredWeights : public testing::Test {
 protected:
  Tensor filled(Shape shape, DType type, float value) {
    Tensor tensor = arena.tensor(shape, type);
    ops.fill(tensor, value);
    return tensor;
  }
  /// What a 1x1 convolution of ones makes of weights that are all the same: eight times them.
  float product(const Tensor& weights) {
    Tensor y = arena.tensor({1, 2, 2, 8}, DType::bf16);
    ops.pointwise_forward({.raw = x}, weights, y, nullptr);
    std::vector<bf16> values(32);
    ops.copy_to_host(y, values.data());
    for (const bf16 value : values) EXPECT_EQ(static_cast<float>(value), static_cast<float>(values[0]));
    return static_cast<float>(values[0]);
  }
  static int64_t conversions() {
    int64_t launches = 0;
    for (const auto& [kernel, counted] : simt::counters())
      if (kernel.starts_with("store_chunk")) launches += counted.launches;
    return launches;
  }

  cuda::CudaOps ops;
  Arena arena{ops.memory()};
  Tensor x = filled({1, 2, 2, 8}, DType::bf16, 1), w = filled({8, 8}, DType::f32, 1), one = filled({1}, DType::f32, 1);
};

TEST_F(StoredWeights, FollowWhateverChangesThem) {
  EXPECT_EQ(product(w), 8);
  ops.fill(w, 2);
  EXPECT_EQ(product(w), 16);
  ops.copy_from_host(std::vector<float>(64, 3.f).data(), w);
  EXPECT_EQ(product(w), 24);
  ops.begin_step({.learning_rate = 1});
  EXPECT_EQ(product(w), 24);
  const Tensor gradient = filled({8, 8}, DType::f32, 1);
  const auto zeros = [&] { return filled({8, 8}, DType::f32, 0); };
  OptimizerSlot slot{.value = w, .gradient = gradient, .m = zeros(), .v = zeros()};
  ops.sgd({}, one, {&slot, 1});
  EXPECT_EQ(product(w), 16);
  slot.m = zeros();
  ops.adamw({.eps = 0}, one, {&slot, 1});  // the first step of AdamW: by the sign
  EXPECT_EQ(product(w), 8);
  const Tensor five = filled({8, 8}, DType::f32, 5);
  ops.ema(0, {}, {&five, 1}, {&w, 1});
  EXPECT_EQ(product(w), 40);
}

TEST_F(StoredWeights, AStepMakesThemByOneLaunch) {
  const Tensor other = filled({8, 8}, DType::f32, 7), unused = filled({8, 8}, DType::f32, 9);
  product(unused);
  for (int step = 0; step < 3; ++step) {
    ops.begin_step({});
    const int64_t before = conversions();
    for (int use = 0; use < 2; ++use) {
      EXPECT_EQ(product(w), 8);
      EXPECT_EQ(product(other), 56);
    }
    EXPECT_EQ(conversions() - before, step == 0 ? 2 : 1);  // the first step learns of them one by one
  }
}

}  // namespace
}  // namespace mcnn
