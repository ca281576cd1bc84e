// Products by libraries (kernels/cuda/vendor/): every pointwise and dense case through the seam, with the emulator's reference
// loops behind it, against ref; and calls made wrong on purpose, each of which must be noticed.
#include "kernels/cuda/vendor/vendor.h"

#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "emulator/counters.h"
#include "emulator/grid.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/sim/reference_vendor.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"
#include "tests/train/message.h"

namespace mcnn::cases {
namespace {

using cuda::Convolution, cuda::ConvolutionOperands, cuda::Gemm, cuda::Products, cuda::Stream;

/// What becomes of a call.
struct Changes {
  std::function<void(Gemm&)> gemm;
  std::function<void(Convolution&, ConvolutionOperands&)> convolution;
  bool refuse_convolutions = false;
};

/// Reference loops that count the calls, and get each as it was made or as `change` leaves it.
class Changed final : public cuda::Vendor {
 public:
  explicit Changed(int* calls, Changes changes = {}) : calls_(calls), changes_(std::move(changes)) {}

  bool multiplies(DType type) const override { return loops_.multiplies(type); }
  std::size_t gemm_workspace() const override { return loops_.gemm_workspace(); }
  void gemm(const Gemm& product, void* workspace, Stream stream) override {
    ++*calls_;
    Gemm changed = product;
    if (changes_.gemm) changes_.gemm(changed);
    loops_.gemm(changed, workspace, stream);
  }
  std::optional<std::size_t> convolution_workspace(const Convolution& c) override {
    if (changes_.refuse_convolutions) return {};
    return loops_.convolution_workspace(c);
  }
  void convolve(const Convolution& c, const ConvolutionOperands& operands, void* workspace, Stream stream) override {
    ++*calls_;
    Convolution changed = c;
    ConvolutionOperands changed_operands = operands;
    if (changes_.convolution) changes_.convolution(changed, changed_operands);
    loops_.convolve(changed, changed_operands, workspace, stream);
  }

 private:
  simt::ReferenceVendor loops_;
  int* calls_;
  Changes changes_;
};

cuda::FoundVendor changed(int* calls, Changes changes = {}) {
  return {std::make_unique<Changed>(calls, std::move(changes)), "reference loops"};
}

/// Empty when `ops` agrees with ref, else the first thing that it damaged or got wrong.
std::string found_wrong(const Case& row, Ops& ops, DType storage) {
  const std::vector<Output> expected = run(row, *make_ref_ops(), DType::f64, storage);
  Workspace workspace(ops, storage, storage);
  const AnyOperation operation = row.prepare(workspace);
  ops.begin_step(row.step);
  ops.run(operation);
  if (const std::vector<std::string> damage = workspace.damage(); !damage.empty()) return damage.front();
  const std::vector<Output> found = workspace.outputs();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    Output reference = expected[i];
    reference.tolerance = std::max(reference.tolerance, tolerance_of(storage));
    if (const std::string wrong = disagreement(found[i], reference); !wrong.empty()) return wrong;
  }
  return {};
}

/// The case makes one call, and with the mistake in it gives an error or a wrong result.
void expect_noticed(const Case& row, const std::string& name, Changes mistake, DType storage) {
  SCOPED_TRACE(row.operation + " " + row.name + ": " + name);
  int calls = 0;
  cuda::CudaOps ops(changed(&calls, std::move(mistake)));
  std::string wrong;
  const std::string error = message_of([&] { wrong = found_wrong(row, ops, storage); });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(error != "no error" || !wrong.empty()) << "was not noticed";
}

class VendorProducts : public testing::TestWithParam<DType> {};

TEST_P(VendorProducts, AgreeWithRefOnEveryCase) {
  const DType storage = GetParam();
  for (const Case& row : product_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    int calls = 0;
    cuda::CudaOps ops(changed(&calls));
    EXPECT_EQ(found_wrong(row, ops, storage), "");
    EXPECT_GT(calls, 0) << "the library was not asked";
  }
}

TEST_P(VendorProducts, HaveTheSameBitsInEveryOrder) {
  const DType storage = GetParam();
  const simt::Options usual = simt::options();
  for (const Case& row : {pointwise_forward({"", 2, 13, 9, 24, 19, kGated}),
                          pointwise_backward({.name = "", .n = 2, .h = 13, .w = 9, .in = 24, .out = 19, .x = kGated, .add = true})}) {
    std::vector<Output> first;
    for (const simt::Options order : {simt::Options{simt::Order::ascending}, {simt::Order::descending}, {simt::Order::shuffled, 1}}) {
      simt::options() = order;
      cuda::CudaOps ops(cuda::find_vendor(90));
      const std::vector<Output> found = run(row, ops, storage, storage);
      if (first.empty()) first = found;
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(same_bits(found[i], first[i])) << row.operation << " " << found[i].name;
    }
  }
  simt::options() = usual;
}

/// What a wrong call could look like: each must end in an error or in a result that ref does not agree with.
TEST_P(VendorProducts, APlantedMistakeInACallIsNoticed) {
  const DType storage = GetParam();
  const std::vector<std::pair<std::string, std::function<void(Gemm&)>>> mistakes = {
      {"A transposed", [](Gemm& p) { p.transpose_a = !p.transpose_a; }},
      {"B transposed", [](Gemm& p) { p.transpose_b = !p.transpose_b; }},
      {"lda one too small", [](Gemm& p) { --p.lda; }},
      {"lda one too large", [](Gemm& p) { ++p.lda; }},
      {"ldb one too small", [](Gemm& p) { --p.ldb; }},
      {"ldb one too large", [](Gemm& p) { ++p.ldb; }},
      {"ldc one too small", [](Gemm& p) { --p.ldc; }},
      {"ldc one too large", [](Gemm& p) { ++p.ldc; }},
      {"row-major's lda", [](Gemm& p) { p.lda = p.transpose_a ? p.m : p.k; }},
      {"a row too few", [](Gemm& p) { --p.m; }},
      {"a column too few", [](Gemm& p) { --p.n; }},
      {"a piece of depth too few", [](Gemm& p) { --p.k; }},
      {"A and B exchanged", [](Gemm& p) { std::swap(p.a, p.b), std::swap(p.lda, p.ldb); }},
      {"m and n exchanged", [](Gemm& p) { std::swap(p.m, p.n); }},
      {"alpha", [](Gemm& p) { p.alpha = 0.5f; }},
      {"beta: C held NaN", [](Gemm& p) { p.beta = 1.f; }},
      {"A starts an element late", [storage](Gemm& p) { p.a = static_cast<const std::byte*>(p.a) + size_of(storage); }},
  };
  // 24 inputs, 40 outputs, 98 pixels: no two alike.
  for (const Case& row : {pointwise_forward({"", 2, 7, 7, 24, 40}),
                          pointwise_backward({.name = "dw", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dx = false}),
                          pointwise_backward({.name = "dx", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dw = false})})
    for (const auto& [name, mistake] : mistakes) expect_noticed(row, name, {.gemm = mistake}, storage);
}

TEST_P(VendorProducts, APlantedMistakeInAConvolutionIsNoticed) {
  const DType storage = GetParam();
  const std::vector<std::pair<std::string, std::function<void(Convolution&, ConvolutionOperands&)>>> mistakes = {
      {"another direction",
       [](Convolution& c, ConvolutionOperands&) {
         c.direction = c.direction == cuda::Direction::forward ? cuda::Direction::backward_data : cuda::Direction::forward;
       }},
      {"a channel of x too few", [](Convolution& c, ConvolutionOperands&) { --c.in; }},
      {"height and width exchanged", [](Convolution& c, ConvolutionOperands&) { std::swap(c.h, c.w); }},
      {"outputs' height and width exchanged", [](Convolution& c, ConvolutionOperands&) { std::swap(c.out_h, c.out_w); }},
      {"stride", [](Convolution& c, ConvolutionOperands&) { c.stride = 1; }},
      {"pad above", [](Convolution& c, ConvolutionOperands&) { ++c.pad_top; }},
      {"pad to the left", [](Convolution& c, ConvolutionOperands&) { ++c.pad_left; }},
      {"a channel of y too few", [](Convolution& c, ConvolutionOperands&) { --c.out; }},
      {"x and y exchanged", [](Convolution&, ConvolutionOperands& operands) { std::swap(operands.x, operands.y); }},
  };
  for (const Case& row :
       {dense_forward({"", 2, 13, 9, 3, 20, 3, 2, Padding::same}),
        dense_backward({.name = "dw", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2}),
        dense_backward({.name = "dx", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2, .dw = false, .dx = true})})
    for (const auto& [name, mistake] : mistakes) expect_noticed(row, name, {.convolution = mistake}, storage);
}

INSTANTIATE_TEST_SUITE_P(Storage, VendorProducts, testing::Values(DType::f32, DType::bf16, DType::f16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(VendorProducts, AConvolutionThatTheLibraryRefusesIsTheOwnKernels) {
  for (const Case& row : {dense_forward({"", 1, 9, 9, 3, 8, 3, 2}),
                          dense_backward({.name = "", .n = 1, .h = 9, .w = 9, .in = 3, .out = 8, .kernel = 3, .stride = 2})}) {
    int calls = 0;
    cuda::CudaOps ops(changed(&calls, {.refuse_convolutions = true}));
    EXPECT_EQ(found_wrong(row, ops, DType::bf16), "");
    EXPECT_EQ(calls, 0);
  }
}

TEST(VendorProducts, MayBeTf32WhereThatIsAllowedAndTheTypeIsFp32) {
  const Case rows[] = {pointwise_forward({"", 1, 5, 5, 24, 40}),
                       pointwise_backward({.name = "", .n = 1, .h = 5, .w = 5, .in = 24, .out = 40}),
                       dense_forward({"", 1, 9, 9, 3, 8, 3, 2}),
                       dense_backward({.name = "", .n = 1, .h = 9, .w = 9, .in = 3, .out = 8, .kernel = 3, .stride = 2, .dx = true})};
  for (const Case& row : rows)
    for (const DType storage : {DType::f32, DType::bf16, DType::f16})
      for (const bool allowed : {false, true}) {
        SCOPED_TRACE(fmt::format("{} {} {}", row.operation, name_of(storage), allowed));
        int calls = 0, of_tf32 = 0;
        cuda::CudaOps ops(changed(&calls, {.gemm = [&](Gemm& p) { of_tf32 += p.tf32; },
                                           .convolution = [&](Convolution& c, ConvolutionOperands&) { of_tf32 += c.tf32; }}),
                          allowed);
        run(row, ops, storage, storage);
        EXPECT_GT(calls, 0);
        EXPECT_EQ(of_tf32, allowed && storage == DType::f32 ? calls : 0);
      }
}

TEST(VendorProducts, AreAskedForWhereThereAreLibraries) {
  EXPECT_EQ(cuda::products_named("auto"), Products::own) << "on the emulator";
  int calls = 0;
  cuda::CudaOps own, by_library(changed(&calls));
  const Case pointwise = pointwise_forward({"", 1, 5, 5, 24, 40}), stem = dense_forward({"", 1, 9, 9, 3, 8, 3, 2});
  for (const Case& row : {pointwise, stem}) EXPECT_EQ(found_wrong(row, own, DType::bf16), "");
  EXPECT_EQ(calls, 0);
  for (const Case& row : {pointwise, stem}) EXPECT_EQ(found_wrong(row, by_library, DType::bf16), "");
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace mcnn::cases
