// What the kernels ask of memory on shapes as networks have them, channels a multiple of the widest access: every sector that is
// fetched is used, and shared memory is reached with two-way conflicts at most. (Not the stem: an image has three channels.)
#include <gtest/gtest.h>

#include "emulator/counters.h"
#include "emulator/grid.h"
#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

/// Large enough that edges are the smaller part.
std::vector<Case> aligned_cases() {
  std::vector<Case> all = {
      pointwise_forward({.name = "", .n = 2, .h = 16, .w = 16, .in = 64, .out = 128, .x = kGated}),
      pointwise_backward({.name = "", .n = 2, .h = 16, .w = 16, .in = 64, .out = 128, .x = kGated}),
      pointwise_backward({.name = "", .n = 2, .h = 16, .w = 16, .in = 64, .out = 128, .x = kImage, .dy = Form::gated, .add = true}),
      batch_norm_sums({"", 2, 16, 16, 64}),
      pool_forward({"", 2, 16, 16, 64}),
      residual_forward({"", 2, 16, 16, 64}),
      squeeze_excite_forward({"", 8, 256, 64}),
      squeeze_excite_backward({"", 8, 256, 64}),
  };
  for (const auto& [kernel, stride] : {std::pair(3, 1), std::pair(5, 1), std::pair(3, 2), std::pair(5, 2)}) {
    all.push_back(depthwise_forward({"", 2, 28, 28, 64, kernel, stride}));
    all.push_back(
        depthwise_backward({.name = "", .n = 2, .h = 28, .w = 28, .c = 64, .kernel = kernel, .stride = stride, .dy = Form::gated}));
  }
  for (Case& row : optimizer_cases())
    if (row.operation != "gradient_norm" || row.name == "one long tensor") all.push_back(std::move(row));
  for (Case& row : image_cases())
    if (row.name == "some samples mirrored") all.push_back(std::move(row));
  return all;
}

class Traffic : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    before_ = std::move(simt::counters());
    simt::counters().clear();
    simt::options().count = true;
  }
  void TearDown() override {
    simt::options() = {};
    simt::counters().merge(before_);
  }

 private:
  std::map<std::string, simt::Counters> before_;
};

TEST_P(Traffic, NoSectorsInVainAndNoBankConflicts) {
  cuda::CudaOps ops;
  for (const Case& row : aligned_cases()) {
    Workspace workspace(ops, GetParam(), GetParam());
    const AnyOperation operation = row.prepare(workspace);
    ops.begin_step(row.step);
    ops.run(operation);
  }
  for (const auto& [kernel, c] : simt::counters()) {
    for (const auto& [traffic, what] : {std::pair(c.loads, "load"), std::pair(c.stores, "store")})
      EXPECT_LE(static_cast<double>(traffic.sectors), 1.1 * static_cast<double>(traffic.ideal_sectors))
          << kernel << ": " << traffic.sectors << " sectors to " << what << " " << traffic.bytes << " bytes, " << traffic.ideal_sectors
          << " would do";
    EXPECT_LE(std::max(c.shared_loads.worst, c.shared_stores.worst), 2) << kernel << ": bank conflicts";
  }
  EXPECT_GT(simt::counters().size(), 15u);
  if (testing::Test::HasFailure()) std::fputs(simt::counters_table().c_str(), stdout);
}

INSTANTIATE_TEST_SUITE_P(Storage, Traffic, testing::Values(DType::f32, DType::bf16, DType::f16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace mcnn::cases
