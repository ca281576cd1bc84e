// fp32 products that may be tf32, on the emulator: every pointwise and dense case by own kernels and through the seam to libraries,
// against ref and beside fp32 proper. What has no tensor cores, or no fp32, gives the same bits with the permission as without.
#include <gtest/gtest.h>

#include "emulator/counters.h"
#include "kernels/cuda/cuda_ops.h"
#include "runtime/agreement.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

using cuda::Products;

std::vector<Output> outputs(const Case& row, bool allow_tf32, DType storage = DType::f32, Products products = Products::own) {
  cuda::CudaOps ops(products == Products::own ? cuda::FoundVendor{} : cuda::find_vendor(90), allow_tf32);
  return run(row, ops, storage, storage);
}

/// Of the outputs from each other, the largest.
double distance(const std::vector<Output>& found, const std::vector<Output>& reference) {
  double largest = 0;
  for (std::size_t i = 0; i < reference.size(); ++i)
    largest = std::max(largest, agreement(found[i].values, reference[i].values).norm_error);
  return largest;
}

int64_t pipelined_launches() {
  int64_t count = 0;
  for (const auto& [kernel, counted] : simt::counters())
    if (kernel.find("ProductRung)4") != std::string::npos) count += counted.launches;
  return count;
}

void expect_within_its_error(const Case& row, const std::vector<Output>& found) {
  const std::vector<Output> expected = run(row, *make_ref_ops(), DType::f64, DType::f32);
  for (std::size_t i = 0; i < found.size(); ++i) {
    Output reference = expected[i];
    reference.tolerance = kTf32Tolerance;
    EXPECT_EQ(disagreement(found[i], reference), "");
  }
}

TEST(Tf32, IsWhatTensorCoresOfOwnKernelsMultiply) {
  int64_t on_tensor_cores = 0;
  for (const Case& row : product_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const int64_t before = pipelined_launches();
    const std::vector<Output> found = outputs(row, true);
    const int64_t launches = pipelined_launches() - before;
    expect_within_its_error(row, found);
    if (launches > 0)
      EXPECT_GT(distance(found, outputs(row, false)), kTolerance) << "as exact as fp32";
    else
      EXPECT_EQ(distance(found, outputs(row, false)), 0) << "without tensor cores";
    on_tensor_cores += launches;
  }
  EXPECT_GT(on_tensor_cores, 20);
}

TEST(Tf32, IsWhatLibrariesMayMultiply) {
  for (const Case& row : product_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const std::vector<Output> found = outputs(row, true, DType::f32, Products::vendor);
    expect_within_its_error(row, found);
    EXPECT_GT(distance(found, outputs(row, false, DType::f32, Products::vendor)), kTolerance) << "as exact as fp32";
  }
}

TEST(Tf32, ChangesNothingElse) {
  const Case products[] = {pointwise_forward({"", 2, 7, 7, 24, 40}), dense_forward({"", 2, 16, 16, 3, 32, 3, 2})};
  for (const Case& row : products)
    for (const DType storage : {DType::bf16, DType::f16})
      for (const Products by : {Products::own, Products::vendor})
        EXPECT_EQ(distance(outputs(row, true, storage, by), outputs(row, false, storage, by)), 0) << row.operation << name_of(storage);
  for (auto* table : {head_cases, squeeze_excite_cases})
    for (const Case& row : table()) EXPECT_EQ(distance(outputs(row, true), outputs(row, false)), 0) << row.operation << ": " << row.name;
}

}  // namespace
}  // namespace mcnn::cases
