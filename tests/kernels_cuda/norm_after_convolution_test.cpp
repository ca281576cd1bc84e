// A convolution whose batch norm is its operand finishes it by the launch of its own that merges the moments; by two operations it is two
// launches. The results are the same to the bit.
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

/// 24 channels to 24, enough pixels for groups of parts. apart: the batch norm is an operation of its own.
Result run(Kind kind, DType storage, bool apart) {
  cuda::CudaOps ops;
  Workspace s(ops, storage, storage);
  const Shape shape = {2, 24, 25, 24}, channels = {24};
  const Feature x = feature(s, shape, kSwish);
  const ConvGeometry g = geometry(3, 1, Padding::symmetric, 24, 25);
  const Tensor w = kind == Kind::pointwise   ? s.product_weight({24, 24}, normal(0.2))
                   : kind == Kind::depthwise ? s.parameter({3, 3, 24}, normal(0.2))
                                             : s.product_weight({3, 3, 24, 24}, normal(0.2));
  Tensor y = s.feature_output("y", shape);
  const Moments m = moments(s, 24);
  const Tensor gamma = s.parameter(channels, normal()), beta = s.parameter(channels, normal());
  Tensor mean = s.parameter_updated("running_mean", channels, normal()),
         var = s.parameter_updated("running_var", channels, uniform(0.5, 2));
  const Norm norm{s.parameter_output("norm.mean", channels), s.parameter_output("norm.invstd", channels),
                  s.parameter_output("norm.scale", channels), s.parameter_output("norm.shift", channels)};
  const NormUpdate update{gamma, beta, 1e-3f, 0.1f, mean, var, norm}, of_convolution = apart ? NormUpdate{} : update;
  const int64_t before = launches();
  if (kind == Kind::pointwise) ops.run(PointwiseForward{x, w, y, m, of_convolution});
  if (kind == Kind::depthwise) ops.run(DepthwiseForward{x, w, g, y, m, of_convolution});
  if (kind == Kind::dense) ops.run(DenseForward{x, w, g, y, m, of_convolution});
  if (apart) ops.run(BatchNormForward{m, y.rows(), update});
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

}  // namespace
}  // namespace mcnn::cases
