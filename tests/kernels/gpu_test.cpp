// The CUDA kernels on a GPU against ref: every case, every storage type, and the same bits twice. Skipped, with the reason,
// where there is no GPU; the emulator runs the same kernels everywhere (tests/kernels_cuda).
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/backend.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"

namespace mcnn::cases {
namespace {

std::vector<Output> run(const Case& row, Ops& ops, DType storage, DType rounding) {
  Workspace workspace(ops, storage, rounding);
  const Run operation = row.prepare(workspace);
  ops.begin_step(row.step);
  operation(ops);
  for (const std::string& line : workspace.damage()) ADD_FAILURE() << line;
  return workspace.outputs();
}

class Gpu : public testing::TestWithParam<std::pair<DType, double>> {};

TEST_P(Gpu, AgreesWithRefOnEveryCase) {
  std::unique_ptr<Ops> gpu;
  try {
    gpu = make_backend("cuda", 1).ops;
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();
  }
  const auto [storage, tolerance] = GetParam();
  const auto ref = make_ref_ops();
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const std::vector<Output> expected = run(row, *ref, DType::f64, storage), found = run(row, *gpu, storage, storage),
                              again = run(row, *gpu, storage, storage);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      Output reference = expected[i];
      reference.tolerance = std::max(reference.tolerance, tolerance);
      EXPECT_EQ(disagreement(found[i], reference), "");
      EXPECT_EQ(std::memcmp(found[i].values.data(), again[i].values.data(), found[i].values.size() * sizeof(double)), 0) << found[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Storage, Gpu,
                         testing::Values(std::pair(DType::f32, kTolerance), std::pair(DType::bf16, 1e-2), std::pair(DType::f16, 2e-3)),
                         [](const auto& test) { return std::string(name_of(test.param.first)); });

}  // namespace
}  // namespace mcnn::cases
