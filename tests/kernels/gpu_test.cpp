// The CUDA kernels on a GPU against ref: every case, every storage type, products by own kernels and by cuBLAS and cuDNN, and the
// same bits twice. Skipped, with the reason, where there is no GPU (or library); the emulator runs the same kernels everywhere
// (tests/kernels_cuda).
#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

class Gpu : public testing::TestWithParam<std::tuple<DType, std::string>> {};

TEST_P(Gpu, AgreesWithRefOnEveryCase) {
  const auto& [storage, products] = GetParam();
  std::unique_ptr<Ops> gpu;
  try {
    Backend backend = make_backend("cuda", 1, nullptr, products);
    if (products == "vendor" && backend.reason.find("products: cuBLAS") == std::string::npos) GTEST_SKIP() << backend.reason;
    gpu = std::move(backend.ops);
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();
  }
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

INSTANTIATE_TEST_SUITE_P(Storage, Gpu,
                         testing::Combine(testing::Values(DType::f32, DType::bf16, DType::f16), testing::Values("own", "vendor")),
                         [](const auto& test) { return std::string(name_of(std::get<0>(test.param))) + "_" + std::get<1>(test.param); });

}  // namespace
}  // namespace mcnn::cases
