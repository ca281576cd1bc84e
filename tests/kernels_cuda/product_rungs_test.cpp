// Every rung of the ladder of matrix products (kernels/cuda/product_rung.h), on the emulator: against ref, and the same bits
// twice. cases_test.cpp has many more shapes, each on the one rung that the rule picks.
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>

#include "emulator/grid.h"
#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

using cuda::ProductRung;

constexpr const char* kNames[] = {"naive", "tiled", "vectorised", "tensor_core", "pipelined"};

/// Channels in whole 128-bit vectors of every type, so that each rung is taken; several tiles of pixels, of inputs and of
/// outputs, each with a part of one at the end, several pieces of depth, slices of dw, and tiles that samples share.
std::vector<Case> products() {
  return {
      pointwise_forward({"a part of each tile", 2, 7, 7, 24, 40}),
      pointwise_forward({"several tiles and pieces, gated", 3, 7, 7, 72, 136, kGated}),
      pointwise_forward({"moments far from zero", 2, 20, 20, 8, 24, {.norm = false, .act = Activation::identity, .raw = normal(1, 30)}}),
      pointwise_forward({"no moments", 1, 5, 5, 8, 8, kImage, false}),
      pointwise_backward({.name = "a part of each tile", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .add = true}),
      pointwise_backward(
          {.name = "several tiles and pieces, gated", .n = 3, .h = 7, .w = 7, .in = 136, .out = 72, .x = kGated, .dy = Form::drop_path}),
      pointwise_backward({.name = "slices of dw", .n = 2, .h = 24, .w = 24, .in = 16, .out = 8, .x = kImage, .dy = Form::gated}),
      pointwise_backward({.name = "one pixel per sample", .n = 70, .h = 1, .w = 1, .in = 8, .out = 16, .x = kGated, .dy = Form::frozen}),
      pointwise_backward({.name = "the head", .n = 3, .h = 3, .w = 3, .in = 48, .out = 160, .x = kImage, .dy = Form::pooled}),
      dense_forward({"the stem", 2, 16, 16, 3, 32, 3, 2, Padding::same}),
      dense_forward({"several pieces", 1, 9, 7, 8, 24, 3, 1, Padding::symmetric, kSwish}),
      dense_backward(
          {.name = "the stem", .n = 2, .h = 16, .w = 16, .in = 3, .out = 32, .kernel = 3, .stride = 2, .padding = Padding::same}),
      dense_backward(
          {.name = "dx", .n = 2, .h = 9, .w = 7, .in = 8, .out = 24, .kernel = 3, .stride = 2, .x = kSwish, .dx = true, .add = true}),
  };
}

double flops_of(const Case& row) {
  const auto ops = make_dry_ops();
  Workspace workspace(*ops, DType::f32, DType::f32);
  return row.prepare(workspace).flops();
}

class ProductRungs : public testing::TestWithParam<std::tuple<DType, ProductRung>> {};

TEST_P(ProductRungs, AgreeWithRef) {
  const auto [storage, rung] = GetParam();
  const double tolerance = tolerance_of(storage);
  const auto ref = make_ref_ops();
  cuda::CudaOps ops;
  ops.prefer_product_rung(rung);
  for (const Case& row : products()) {
    if (rung == ProductRung::naive && flops_of(row) > 2e6) continue;  // a minute on the emulator
    SCOPED_TRACE(row.operation + ", " + row.name);
    const std::vector<Output> expected = run(row, *ref, DType::f64, storage), found = run(row, ops, storage, storage);
    const simt::Options usual = simt::options();
    simt::options().order = simt::Order::descending;  // the bits must not depend on who goes first
    const std::vector<Output> again = run(row, ops, storage, storage);
    simt::options() = usual;
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      Output reference = expected[i];
      reference.tolerance = std::max(reference.tolerance, tolerance);
      EXPECT_EQ(disagreement(found[i], reference), "");
      EXPECT_TRUE(same_bits(found[i], again[i])) << found[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProductRungs,
                         testing::Combine(testing::Values(DType::f32, DType::bf16, DType::f16),
                                          testing::Values(ProductRung::naive, ProductRung::tiled, ProductRung::vectorised,
                                                          ProductRung::tensor_core, ProductRung::pipelined)),
                         [](const auto& test) {
                           return fmt::format("{}_{}", name_of(std::get<0>(test.param)), kNames[static_cast<int>(std::get<1>(test.param))]);
                         });

TEST(ProductRung, FollowsItsRule) {
  using cuda::rung_for;
  EXPECT_EQ(rung_for(DType::bf16, true, 90), ProductRung::pipelined);
  EXPECT_EQ(rung_for(DType::f32, true, 80), ProductRung::pipelined);
  EXPECT_EQ(rung_for(DType::f16, true, 75), ProductRung::pipelined);
  EXPECT_EQ(rung_for(DType::bf16, true, 75), ProductRung::vectorised);
  EXPECT_EQ(rung_for(DType::f32, true, 75), ProductRung::vectorised);
  EXPECT_FALSE(cuda::has_tensor_cores_for(DType::f32, 75)) << "a permission of tf32 is without effect";
  EXPECT_EQ(rung_for(DType::bf16, false, 90), ProductRung::tiled);
  EXPECT_EQ(rung_for(DType::bf16, false, 90, ProductRung::naive), ProductRung::naive);
  EXPECT_EQ(rung_for(DType::bf16, false, 90, ProductRung::tensor_core), ProductRung::tiled);
  EXPECT_EQ(rung_for(DType::bf16, true, 75, ProductRung::tensor_core), ProductRung::vectorised) << "its mma came with 80";
}

}  // namespace
}  // namespace mcnn::cases
