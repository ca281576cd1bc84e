// The CUDA kernels, run by the emulator, against ref on every case and with every storage type.
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>

#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"

namespace mcnn::cases {
namespace {

/// What the storage type leaves of a result: its rounding of stored values, eight of its units at most.
double tolerance_of(DType storage) { return storage == DType::f32 ? 1e-5 : storage == DType::bf16 ? 1e-2 : 2e-3; }

/// `rounding`: the storage type under test, so that ref computes with the same inputs.
std::vector<Output> run(const Case& row, Ops& ops, DType storage, DType rounding) {
  Workspace workspace(ops, storage, rounding);
  const Run operation = row.prepare(workspace);
  ops.begin_step(row.step);
  operation(ops);
  for (const std::string& line : workspace.damage()) ADD_FAILURE() << line;
  return workspace.outputs();
}

/// Also a NaN equals itself: the bits count.
bool same_bits(const Output& a, const Output& b) {
  return a.values.size() == b.values.size() && std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0;
}

class CudaCase : public testing::TestWithParam<std::tuple<DType, Case>> {};

TEST_P(CudaCase, AgreesWithRef) {
  const auto& [storage, row] = GetParam();
  const auto ref = make_ref_ops();
  cuda::CudaOps ops;
  const std::vector<Output> expected = run(row, *ref, DType::f64, storage), found = run(row, ops, storage, storage);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    Output reference = expected[i];
    reference.tolerance = std::max(reference.tolerance, tolerance_of(storage));
    EXPECT_EQ(disagreement(found[i], reference), "");
  }
  const std::vector<Output> again = run(row, ops, storage, storage);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(same_bits(found[i], again[i])) << found[i].name;
}

std::string test_name(const testing::TestParamInfo<std::tuple<DType, Case>>& info) {
  const auto& [storage, row] = info.param;
  std::string name = fmt::format("{}_{}_{}_{}", name_of(storage), row.operation, row.name, info.index);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, CudaCase,
                         testing::Combine(testing::Values(DType::f32, DType::bf16, DType::f16), testing::ValuesIn(all_cases())), test_name);

}  // namespace
}  // namespace mcnn::cases
