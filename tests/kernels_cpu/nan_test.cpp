// A NaN in a feature map must reach whatever is computed from it, through vector code that clamps and compares: training
// that has diverged is seen in the loss, never hidden by an activation.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kChannels = 37;  // vectors and a tail

class NaN : public testing::TestWithParam<Activation> {
 protected:
  Tensor filled(Shape shape, float value) {
    Tensor x = arena.tensor(shape);
    ops->run(Fill{x, value});
    return x;
  }
  /// Ones, but for a NaN in channel c of the middle pixel.
  Feature poisoned(int64_t c) {
    Feature x{.raw = filled({1, 3, 3, kChannels}, 1), .act = GetParam()};
    x.norm = {filled({kChannels}, 0), filled({kChannels}, 1), filled({kChannels}, 1), filled({kChannels}, 0)};
    x.raw.data<float>()[4 * kChannels + c] = kNaN;
    return x;
  }
  static int64_t count_nan(const Tensor& x) {
    int64_t count = 0;
    for (int64_t i = 0; i < x.size(); ++i) count += std::isnan(x.data<float>()[i]);
    return count;
  }

  std::unique_ptr<Ops> ops = make_cpu_ops(2);
  Arena arena{ops->memory()};
};

TEST_P(NaN, ReachesEveryReader) {
  for (int64_t c = 0; c < kChannels; ++c) {
    SCOPED_TRACE(c);
    const Feature x = poisoned(c);
    Tensor y = filled({1, 3, 3, 5}, 0);
    ops->run(PointwiseForward{x, filled({kChannels, 5}, 1), y, {}});
    EXPECT_EQ(count_nan(y), 5);  // all outputs of one pixel

    Tensor z = filled({1, 3, 3, kChannels}, 0);
    ops->run(DepthwiseForward{x, filled({3, 3, kChannels}, 1), {3, 1, 1, 1}, z, {}});
    EXPECT_EQ(count_nan(z), 9);  // one channel of all pixels

    ops->run(ResidualForward{x, x, {}, z});
    EXPECT_EQ(count_nan(z), 1);

    Tensor mean = filled({1, kChannels}, 0), slope, slope_xhat;
    ops->run(PoolForward{x, mean, slope, slope_xhat});
    EXPECT_EQ(count_nan(mean), 1);
  }
}

TEST_P(NaN, ReachesTheMoments) {
  const Feature x = poisoned(0);
  Tensor y = filled({1, 3, 3, 5}, 0);
  Moments moments{filled({5}, 0), filled({5}, 0)};
  ops->run(PointwiseForward{x, filled({kChannels, 5}, 1), y, moments});
  EXPECT_EQ(count_nan(moments.mean), 5);
  EXPECT_EQ(count_nan(moments.m2), 5);
}

INSTANTIATE_TEST_SUITE_P(All, NaN,
                         testing::Values(Activation::identity, Activation::swish, Activation::relu6, Activation::relu,
                                         Activation::hard_swish));

TEST(NaNHead, ReachesLossAndGradientNorm) {
  const auto ops = make_cpu_ops(1);
  Arena arena(ops->memory());
  Tensor logits = arena.tensor({2, 18}), targets = arena.tensor({2, 18}), loss = arena.tensor({1}), absent;
  ops->run(Fill{logits, 1});
  ops->run(Fill{targets, 1.f / 18});
  logits.data<float>()[20] = kNaN;
  ops->run(CrossEntropy{logits, targets, 0.1f, loss, absent});
  EXPECT_TRUE(std::isnan(loss.data<float>()[0]));

  Tensor norm = arena.tensor({1}), clip = arena.tensor({1});
  const Tensor gradients(logits.raw(), DType::f32, {36});
  ops->run(GradientNorm{gradients, 1.f, norm, clip});
  EXPECT_TRUE(std::isnan(norm.data<float>()[0]));
}

}  // namespace
}  // namespace mcnn
