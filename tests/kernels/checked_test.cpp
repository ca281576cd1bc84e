// The checks in front of every backend: they let all cases pass and stop what a backend could not survive.
#include "kernels/checked_ops.h"

#include <gtest/gtest.h>

#include "runtime/profiler.h"
#include "tests/cases/cases.h"

namespace mcnn {
namespace {

using namespace cases;

TEST(CheckedOps, EveryCasePasses) {
  Profiler profiler;
  profiler.enable(true);
  const auto ops = checked(make_ref_ops(), &profiler);
  for (const Case& row : all_cases()) {
    Workspace workspace(*ops, DType::f64, DType::f32);
    const AnyOperation operation = row.prepare(workspace);
    ops->begin_step(row.step);
    EXPECT_NO_THROW(ops->run(operation)) << row.operation << ": " << row.name;
  }
  // Each operation had its row in the profile.
  const std::string table = profiler.tables();
  for (const Case& row : all_cases()) EXPECT_NE(table.find("\n" + row.operation + " "), std::string::npos) << row.operation;
}

class Refused : public testing::Test {
 protected:
  std::string message(const std::function<void()>& call) {
    try {
      call();
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::unique_ptr<Ops> ops = checked(make_ref_ops());
  Workspace s{*ops, DType::f64, DType::f32};
  Feature x = feature(s, {2, 7, 7, 48}, kSwish);
  Tensor w = s.parameter({48, 20}, normal()), y = s.feature_output("y", {2, 7, 7, 20}), dw = s.parameter_output("dw", {48, 20});
};

TEST_F(Refused, WeightOfAnotherKernel) {
  const Tensor small = s.parameter({3, 3, 48}, normal());
  Tensor out = s.feature_output("y", {2, 7, 7, 48});
  EXPECT_EQ(message([&] {
              ops->run(DepthwiseForward{x, small, {5, 1, 2, 2}, out, {}});
            }),
            "depthwise_forward: w is (3,3,48), expected (5,5,48) for k=5");
}
TEST_F(Refused, WrongChannels) {
  const Tensor other = s.parameter({24, 20}, normal());
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, other, y, {}}); }), "pointwise_forward: w is (24,20), expected (48,20)");
}
TEST_F(Refused, WrongOutputSize) {
  Tensor other = s.feature_output("y", {2, 7, 8, 20});
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, w, other, {}}); }), "pointwise_forward: y is (2,7,8,20), expected (2,7,7,20)");
}
TEST_F(Refused, WrongType) {
  Workspace single(*ops, DType::f32, DType::f32);
  Tensor other = single.feature_output("y", {2, 7, 7, 20});
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, w, other, {}}); }), "pointwise_forward: y holds f32, expected f64");
}
TEST_F(Refused, AbsentOperand) {
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, {}, y, {}}); }), "pointwise_forward: w is absent");
  Tensor absent;
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, w, absent, {}}); }), "pointwise_forward: y is absent, expected (2,7,7,20)");
}
TEST_F(Refused, HalfANorm) {
  x.norm.shift = {};
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, w, y, {}}); }), "pointwise_forward: x.norm.shift is absent, expected (48)");
}
TEST_F(Refused, OutputOverAnInput) {
  x = feature(s, {2, 7, 7, 20}, kSwish);
  const Tensor square = s.parameter({20, 20}, normal());
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{x, square, x.raw, {}}); }), "pointwise_forward: y shares memory with x.raw");
}
TEST_F(Refused, OutputThatOverlapsByOneElement) {
  Tensor both = s.feature_output("both", {1, 1, 1, 39});
  const Feature in{.raw = Tensor(both.raw(), DType::f64, {1, 1, 1, 20})};
  Tensor out(both.data<double>() + 19, DType::f64, {1, 1, 1, 20}), after(both.data<double>() + 20, DType::f64, {1, 1, 1, 19});
  const Tensor square = s.parameter({20, 20}, normal()), narrow = s.parameter({20, 19}, normal());
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{in, square, out, {}}); }), "pointwise_forward: y shares memory with x.raw");
  EXPECT_EQ(message([&] { ops->run(PointwiseForward{in, narrow, after, {}}); }), "accepted");
}
TEST_F(Refused, SkipGradientInTheStoredGradient) {
  OutputGradient dy = gradient(s, y.shape(), Form::from_u);
  InputGradient dx = input_gradient(s, x, false);
  dx.add = dx.stored;
  EXPECT_EQ(message([&] { ops->run(PointwiseBackward{x, w, dy, dw, dx}); }), "pointwise_backward: dx.add shares memory with dx.stored");
}
TEST_F(Refused, BatchNormGradientWithoutItsSums) {
  OutputGradient dy = gradient(s, y.shape(), Form::from_u);
  dy.sum_du_xhat = {};
  EXPECT_EQ(message([&] { ops->run(PointwiseBackward{x, w, dy, dw, {}}); }), "pointwise_backward: dy.sum_du_xhat is absent, expected (20)");
  dy.frozen = true;
  EXPECT_EQ(message([&] { ops->run(PointwiseBackward{x, w, dy, dw, {}}); }), "accepted");
}
TEST_F(Refused, GateWithoutItsPooledGradient) {
  OutputGradient dy = gradient(s, y.shape(), Form::gated);
  dy.pooled = {};
  EXPECT_EQ(message([&] {
              ops->run(PointwiseBackward{x, w, dy, dw, {}});
            }),
            "pointwise_backward: dy.of.gate is given, but dy.pooled is not");
}
TEST_F(Refused, SumsThatDoNotFitTheFeature) {
  OutputGradient dy = gradient(s, y.shape(), Form::from_u);
  InputGradient dx = input_gradient(s, x, false);
  dx.sum_dz_a = s.parameter_output("sum_dz_a", {2, 48});
  EXPECT_EQ(message([&] { ops->run(PointwiseBackward{x, w, dy, dw, dx}); }), "pointwise_backward: dx.sum_dz_a is given, but x has no gate");
}
TEST_F(Refused, OutputsThatReachPastTheImage) {
  const Tensor filter = s.parameter({3, 3, 48}, normal());
  Tensor out = s.feature_output("y", {2, 5, 4, 48});
  EXPECT_EQ(message([&] {
              ops->run(DepthwiseForward{x, filter, {3, 2, 1, 1}, out, {}});
            }),
            "depthwise_forward: 5 outputs along top reach past an image of 7 (kernel 3, stride 2, pad 1)");
}
TEST_F(Refused, KernelThatNoBackendHas) {
  const Tensor filter = s.parameter({7, 7, 48}, normal());
  Tensor out = s.feature_output("y", {2, 7, 7, 48});
  EXPECT_EQ(message([&] {
              ops->run(DepthwiseForward{x, filter, {7, 1, 3, 3}, out, {}});
            }),
            "depthwise_forward: kernel is 7, expected 3 or 5");
}
TEST_F(Refused, StorageTypeOfNoBackend) {
  x.raw = s.bytes({2, 7, 7, 48}, integers(0, 9));
  EXPECT_EQ(message([&] {
              ops->run(PointwiseForward{x, w, y, {}});
            }),
            "pointwise_forward: x.raw holds u8, but backend ref (double) does not store feature maps in this type");
}
TEST_F(Refused, VarianceOfOneValue) {
  const Moments m = {s.parameter({20}, normal()), s.parameter({20}, normal())};
  const Tensor gamma = s.parameter({20}, normal()), beta = s.parameter({20}, normal());
  Tensor absent;
  Norm out = norm(s, 20);
  EXPECT_EQ(message([&] {
              ops->run(BatchNormForward{m, 1, {gamma, beta, 1e-3f, 0.1f, absent, absent, out}});
            }),
            "batch_norm_forward: count is 1, expected 2 or more: one value has no variance");
}
TEST_F(Refused, TargetsOfOtherClasses) {
  const Tensor logits = s.parameter({4, 18}, normal()), targets = s.parameter({4, 17}, normal());
  Tensor loss = s.parameter_output("loss", {1}), absent;
  EXPECT_EQ(message([&] {
              ops->run(CrossEntropy{logits, targets, 0.f, loss, absent});
            }),
            "cross_entropy: targets is (4,17), expected (4,18)");
}
TEST_F(Refused, MomentsOfOtherParameters) {
  const Tensor clip = s.parameter({1}, normal()), gradients = s.parameter({40}, normal());
  Tensor values = s.parameter_updated("values", {40}, normal()), m = s.parameter_updated("m", {40}, normal()),
         other = s.parameter_updated("other", {41}, normal());
  EXPECT_EQ(message([&] { ops->run(Sgd{.clip = clip, .values = values, .gradients = gradients, .m = other}); }),
            "sgd: m is (41), expected (40)");
  EXPECT_EQ(message([&] { ops->run(AdamW{.clip = clip, .values = values, .gradients = gradients, .m = m}); }),
            "adamw: v is absent, expected (40)");
  EXPECT_EQ(message([&] { ops->run(Sgd{.clip = clip, .values = values, .gradients = gradients, .m = m, .decayed = 41}); }),
            "sgd: decayed is 41, expected 0 to 40");
}

}  // namespace
}  // namespace mcnn
