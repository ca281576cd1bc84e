// bench_traffic's figures: launches and bytes that are counted without running a kernel, beside a count by hand and what the emulator
// counts when the kernels do run.
#include "bench/traffic.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "emulator/counters.h"
#include "emulator/grid.h"
#include "emulator/sanitizers.h"
#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

class CountedTraffic : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::move(simt::counters());
    simt::counters().clear();
  }
  void TearDown() override {
    simt::options() = options_;
    simt::counters() = std::move(before_);
  }

  /// By formula.
  Traffic counted(const Case& row, DType storage) {
    simt::options().run = false;
    cuda::CudaOps cuda;
    std::map<std::string, Traffic> by_operation;
    const std::unique_ptr<Ops> ops = counting_traffic(cuda, by_operation);
    Workspace workspace(*ops, storage, storage);
    ops->run(row.prepare(workspace));
    ops->wait();
    EXPECT_EQ(by_operation.size(), 1u) << row.operation;
    return by_operation[row.operation];
  }
  /// By the emulator: each access of each thread.
  Traffic ran(const Case& row, DType storage) {
    simt::options() = {};
    simt::options().count = true;
    cuda::CudaOps ops;
    Workspace workspace(ops, storage, storage);
    const AnyOperation operation = row.prepare(workspace);
    ops.begin_step(row.step);
    simt::counters().clear();
    ops.run(operation);
    ops.wait();
    Traffic all;
    for (const auto& [kernel, c] : simt::counters()) {
      all.launches += c.launches;
      all.read += c.loads.bytes;
      all.written += c.stores.bytes;
    }
    return all;
  }

 private:
  std::map<std::string, simt::Counters> before_;
  simt::Options options_ = simt::options();
};

TEST_F(CountedTraffic, AResidualByHand) {
  // y = x + sample_scale * branch, (2,4,4,8): x, branch, its scale and shift, sample_scale; y.
  const Case row = residual_forward({"", 2, 4, 4, 8, kImage, kLinear, true});
  const Traffic f32 = counted(row, DType::f32), bf16 = counted(row, DType::bf16);
  EXPECT_EQ(f32.launches, 1);
  EXPECT_EQ(f32.read, 2 * 256 * 4 + 2 * 8 * 4 + 2 * 4);
  EXPECT_EQ(f32.written, 256 * 4);
  EXPECT_EQ(bf16.read, 2 * 256 * 2 + 2 * 8 * 4 + 2 * 4);
  EXPECT_EQ(bf16.written, 256 * 2);
}

TEST_F(CountedTraffic, APointwiseConvolutionByHand) {
  // (2,8,8,16) to 32 channels: two tiles of 64 pixels, each a part of the moments: a count and 32 means and m2.
  const Case row = pointwise_forward({.name = "", .n = 2, .h = 8, .w = 8, .in = 16, .out = 32, .x = kSwish});
  const int64_t parts = 2 * (1 + 2 * 32) * 4, moments = 2 * 32 * 4, coefficients = 2 * 16 * 4;
  const Traffic f32 = counted(row, DType::f32);
  EXPECT_EQ(f32.launches, 1);
  EXPECT_EQ(f32.read, 128 * 16 * 4 + coefficients + 16 * 32 * 4 + parts);
  EXPECT_EQ(f32.written, 128 * 32 * 4 + parts + moments);
  const Traffic bf16 = counted(row, DType::bf16);
  EXPECT_EQ(bf16.launches, 1);
  EXPECT_EQ(bf16.read, 128 * 16 * 2 + coefficients + 16 * 32 * 2 + parts);
  EXPECT_EQ(bf16.written, 128 * 32 * 2 + parts + moments);
}

/// What leaves through store() alone, each byte once; enough rows for parts and slices.
TEST_F(CountedTraffic, IsWhatTheKernelsDo) {
  std::vector<Case> rows = {
      pointwise_forward({.name = "", .n = 2, .h = 16, .w = 16, .in = 64, .out = 160, .x = kGated}),
      pointwise_backward({.name = "", .n = 3, .h = 20, .w = 20, .in = 64, .out = 160, .x = kGated}),
      pointwise_backward({.name = "", .n = 2, .h = 16, .w = 16, .in = 64, .out = 24, .x = kSwish, .dy = Form::gated, .add = true}),
      depthwise_forward({"", 2, 28, 28, 64, 5, 2}),
      depthwise_backward({.name = "", .n = 2, .h = 28, .w = 28, .c = 64, .kernel = 3, .stride = 1, .dy = Form::gated, .add = true}),
      dense_forward({"", 2, 32, 32, 3, 48, 3, 2}),
      dense_backward({.name = "", .n = 2, .h = 32, .w = 32, .in = 3, .out = 48, .kernel = 3, .stride = 2}),
      dense_backward({.name = "",
                      .n = 2,
                      .h = 16,
                      .w = 16,
                      .in = 32,
                      .out = 64,
                      .kernel = 3,
                      .stride = 1,
                      .x = kSwish,
                      .dy = Form::branch,
                      .dx = true,
                      .add = true}),
      batch_norm_sums({"", 2, 16, 16, 64}),
      batch_norm_sums({"", 2, 16, 16, 64, true, Activation::swish}),
      pool_forward({"", 2, 7, 7, 64}),
      pool_forward({"", 2, 56, 56, 64}),
      squeeze_excite_forward({"", 8, 256, 64}),
      squeeze_excite_backward({"", 8, 256, 64}),
      residual_forward({"", 2, 16, 16, 64}),
  };
  for (const DType storage : {DType::f32, DType::bf16})
    for (const Case& row : rows) {
      SCOPED_TRACE(row.operation + " " + std::string(name_of(storage)));
      const Traffic formula = counted(row, storage), kernels = ran(row, storage);
      EXPECT_GT(formula.launches, 0);
      EXPECT_EQ(formula.launches, kernels.launches);
      EXPECT_EQ(formula.written, kernels.written);
      EXPECT_LE(formula.read, kernels.read);  // kernels read again what caches are to serve
    }
}

/// A formula that speaks of other launches than there were throws.
TEST_F(CountedTraffic, EveryCaseHasAFormula) {
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const Traffic traffic = counted(row, DType::bf16);
    EXPECT_EQ(traffic.launches > 0, traffic.bytes() > 0);
  }
}

int64_t resident_pages() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident;
}

TEST_F(CountedTraffic, TouchesNoMemory) {
  simt::options().run = false;
  cuda::CudaOps ops;
  Arena arena(ops.memory());
  const int64_t before = resident_pages();
  Tensor gigabyte = arena.tensor({int64_t{1} << 28}, DType::f32);
  ops.run(Fill{gigabyte, 1.f});
  const int64_t shadow = simt::address_sanitizer() ? gigabyte.bytes() / 8 : 0;
  EXPECT_LT(resident_pages() - before, ((int64_t{1} << 26) + shadow) / sysconf(_SC_PAGESIZE));
  EXPECT_EQ(simt::counters().begin()->second.launches, 1);
}

}  // namespace
}  // namespace mcnn::cases
