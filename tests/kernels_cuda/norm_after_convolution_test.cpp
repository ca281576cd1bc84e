// A convolution that leaves moments is launched when it is known what follows it: with the batch norm of these moments in one
// launch, with anything else by itself; the results are the same to the bit.
#include <gtest/gtest.h>

#include <cmath>

#include "emulator/counters.h"
#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"

namespace mcnn::cases {
namespace {

int64_t launches() {
  int64_t all = 0;
  for (const auto& [kernel, counted] : simt::counters()) all += counted.launches;
  return all;
}

enum class Kind { pointwise, depthwise, dense };
struct Result {
  std::vector<Output> outputs;
  int64_t launches;
};

/// 24 channels to 24, enough pixels for groups of parts. apart: something is asked for in between.
Result run(Kind kind, DType storage, bool apart) {
  cuda::CudaOps ops;
  Workspace s(ops, storage, storage);
  const Shape shape = {2, 24, 25, 24}, channels = {24};
  const Feature x = feature(s, shape, kSwish);
  const ConvGeometry g = geometry(3, 1, Padding::symmetric, 24, 25);
  const Tensor w = s.parameter(kind == Kind::pointwise   ? Shape{24, 24}
                               : kind == Kind::depthwise ? Shape{3, 3, 24}
                                                         : Shape{3, 3, 24, 24},
                               normal(0.2));
  Tensor y = s.feature_output("y", shape);
  Moments m = moments(s, 24);
  const Tensor gamma = s.parameter(channels, normal()), beta = s.parameter(channels, normal());
  Tensor mean = s.parameter_updated("running_mean", channels, normal()),
         var = s.parameter_updated("running_var", channels, uniform(0.5, 2));
  Norm norm{s.parameter_output("norm.mean", channels), s.parameter_output("norm.invstd", channels),
            s.parameter_output("norm.scale", channels), s.parameter_output("norm.shift", channels)};
  const int64_t before = launches();
  if (kind == Kind::pointwise) ops.pointwise_forward(x, w, y, &m);
  if (kind == Kind::depthwise) ops.depthwise_forward(x, w, g, y, &m);
  if (kind == Kind::dense) ops.dense_forward(x, w, g, y, &m);
  if (apart) ops.wait();
  ops.batch_norm_forward(m, y.rows(), gamma, beta, 1e-3f, 0.1f, mean, var, norm);
  const int64_t after = launches();
  EXPECT_EQ(s.damage(), std::vector<std::string>());
  return {s.outputs(), after - before};
}

class NormAfterConvolution : public testing::TestWithParam<std::tuple<Kind, DType>> {};

TEST_P(NormAfterConvolution, IsFinishedByItsLaunch) {
  const auto [kind, storage] = GetParam();
  const Result together = run(kind, storage, false), apart = run(kind, storage, true);
  EXPECT_EQ(together.launches, apart.launches - 1);
  ASSERT_EQ(together.outputs.size(), apart.outputs.size());
  for (std::size_t i = 0; i < together.outputs.size(); ++i) {
    for (const double value : together.outputs[i].values) EXPECT_FALSE(std::isnan(value)) << together.outputs[i].name;
    EXPECT_TRUE(same_bits(together.outputs[i], apart.outputs[i])) << together.outputs[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NormAfterConvolution,
                         testing::Combine(testing::Values(Kind::pointwise, Kind::depthwise, Kind::dense),
                                          testing::Values(DType::f32, DType::bf16)));

TEST(NormAfterConvolution, OfOtherMomentsComesBehindTheConvolution) {
  cuda::CudaOps ops;
  Workspace s(ops, DType::f32, DType::f32);
  const Feature x = feature(s, {1, 4, 4, 8}, kImage);
  const Tensor w = s.parameter({8, 8}, normal()), one = s.parameter({8}, cycle({1}));
  Tensor y = s.feature_output("y", {1, 4, 4, 8}), absent;
  Moments of_y = moments(s, 8);
  const Moments others{s.parameter({8}, cycle({3})), s.parameter({8}, cycle({16}))};
  Norm norm{s.parameter_output("mean", {8}), s.parameter_output("invstd", {8}), s.parameter_output("scale", {8}),
            s.parameter_output("shift", {8})};
  ops.pointwise_forward(x, w, y, &of_y);
  ops.batch_norm_forward(others, 16, one, one, 0.f, 0.1f, absent, absent, norm);
  for (const Output& output : s.outputs())
    for (const double value : output.values) {
      EXPECT_FALSE(std::isnan(value)) << output.name;
      if (output.name == "invstd") {
        EXPECT_EQ(value, 1);
      } else if (output.name == "shift") {
        EXPECT_EQ(value, -2);
      }
    }
}

}  // namespace
}  // namespace mcnn::cases
