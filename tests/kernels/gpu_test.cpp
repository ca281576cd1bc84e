// The CUDA kernels on a GPU against ref: every case, every storage type, and the same bits twice. Skipped, with the reason,
// where there is no GPU; the emulator runs the same kernels everywhere (tests/kernels_cuda).
#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

class Gpu : public testing::TestWithParam<DType> {};

TEST_P(Gpu, AgreesWithRefOnEveryCase) {
  std::unique_ptr<Ops> gpu;
  try {
    gpu = make_backend("cuda", 1).ops;
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();
  }
  const DType storage = GetParam();
  const auto ref = make_ref_ops();
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const std::vector<Output> expected = run(row, *ref, DType::f64, storage), found = run(row, *gpu, storage, storage),
                              again = run(row, *gpu, storage, storage);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      Output reference = expected[i];
      reference.tolerance = std::max(reference.tolerance, tolerance_of(storage));
      EXPECT_EQ(disagreement(found[i], reference), "");
      EXPECT_TRUE(same_bits(found[i], again[i])) << found[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Storage, Gpu, testing::Values(DType::f32, DType::bf16, DType::f16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace mcnn::cases
