// The CUDA kernels on a GPU against ref: every case, every storage type, products by own kernels and by cuBLAS and cuDNN, of fp32 also as
// tf32, and the same bits twice. Skipped, with the reason, where there is no GPU (or library); the emulator runs the same kernels
// everywhere (tests/kernels_cuda).
#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

struct Arithmetic {
  DType storage;
  ProductOptions products;

  std::string name() const { return fmt::format("{}_{}", products.allow_tf32 ? "tf32" : name_of(storage), products.products); }
  double tolerance() const { return products.allow_tf32 ? kTf32Tolerance : tolerance_of(storage); }
};

/// What a GPU said last, where it answers no more: an error that CUDA calls sticky. Nothing behind it in this process is a skip.
std::string lost;

/// Whether a GPU still carries out an operation.
bool answers(Ops& ops) {
  try {
    run(all_cases().front(), ops, DType::f32);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// A case that throws fails alone.
void expect_agreement(const Case& row, Ops& ref, Ops& gpu, DType storage, double tolerance) {
  const std::vector<Output> expected = run(row, ref, DType::f64, storage), found = run(row, gpu, storage, storage),
                            again = run(row, gpu, storage, storage);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    Output reference = expected[i];
    reference.tolerance = std::max(reference.tolerance, tolerance);
    EXPECT_EQ(disagreement(found[i], reference), "");
    EXPECT_TRUE(same_bits(found[i], again[i])) << found[i].name;
  }
}

class Gpu : public testing::TestWithParam<Arithmetic> {};

TEST_P(Gpu, AgreesWithRefOnEveryCase) {
  const DType storage = GetParam().storage;
  const ProductOptions& products = GetParam().products;
  ASSERT_EQ(lost, "") << "the GPU answers no more since then";
  std::unique_ptr<Ops> gpu;
  try {
    Backend backend = make_backend("cuda", 1, nullptr, products);
    if (products.products == "vendor" && backend.reason.find("products: cuBLAS") == std::string::npos) GTEST_SKIP() << backend.reason;
    gpu = std::move(backend.ops);
  } catch (const Error& e) {
    GTEST_SKIP() << e.what();
  }
  const auto ref = make_ref_ops();
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    try {
      expect_agreement(row, *ref, *gpu, storage, GetParam().tolerance());
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
      if (answers(*gpu)) continue;
      lost = row.operation + ": " + row.name + ": " + error.what();
      FAIL() << "the GPU answers no more";
    }
  }
}

std::vector<Arithmetic> arithmetics() {
  std::vector<Arithmetic> all;
  for (const char* products : {"own", "vendor"}) {
    for (const DType storage : {DType::f32, DType::bf16, DType::f16}) all.push_back({storage, {products}});
    all.push_back({DType::f32, {products, true}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Storage, Gpu, testing::ValuesIn(arithmetics()), [](const auto& test) { return test.param.name(); });

}  // namespace
}  // namespace mcnn::cases
