// The cases themselves: every one runs on ref, writes all of its outputs and nothing else, and its tolerance is one that
// rounding the stored tensors to fp32 leaves room in.
#include <gtest/gtest.h>

#include <set>

#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

TEST(Cases, RefAgreesWithItselfStoringFp32) {
  const auto ref = make_ref_ops();
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.operation + ": " + row.name);
    const std::vector<Output> exact = run(row, *ref, DType::f64), stored = run(row, *ref, DType::f32);
    ASSERT_FALSE(exact.empty());
    ASSERT_EQ(exact.size(), stored.size());
    for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_EQ(disagreement(stored[i], exact[i]), "");
  }
}

TEST(Cases, NamesAreUnique) {
  std::set<std::string> names;
  for (const Case& row : all_cases())
    EXPECT_TRUE(names.insert(row.operation + ": " + row.name).second) << row.operation << ": " << row.name;
}

TEST(Compare, RefusesWhatTheToleranceDoesNotAllow) {
  const Output reference{"y", {3, 4, 0}, 1e-5};
  const auto found = [](std::vector<double> values) { return Output{"y", std::move(values), 1e-5}; };
  EXPECT_EQ(disagreement(found({3, 4.00004, 0}), reference), "");
  EXPECT_NE(disagreement(found({3, 4.00006, 0}), reference), "");
  EXPECT_NE(disagreement(found({3, 4, NAN}), reference), "");
  EXPECT_NE(disagreement(found({3, 4}), reference), "");
  const Output zero{"y", {0, 0}, 1e-5};
  EXPECT_EQ(disagreement({"y", {0, 9e-6}, 1e-5}, zero), "");
  EXPECT_NE(disagreement({"y", {0, 2e-5}, 1e-5}, zero), "");
  // One bad element among many good ones: within the norm's tolerance, not within the largest's.
  Output many{"y", std::vector<double>(1000000, 1.0), 1e-5}, spoilt = many;
  spoilt.values[77] = 1.005;
  EXPECT_NE(disagreement(spoilt, many), "");
}

TEST(Workspace, SeesWritesOutsideAndIntoInputs) {
  const auto ref = make_ref_ops();
  Workspace workspace(*ref, DType::f32, DType::f32);
  Tensor input = workspace.feature({2, 3}, normal()), output = workspace.feature_output("y", {2, 3});
  EXPECT_TRUE(workspace.damage().empty());
  const std::vector<Output> fresh = workspace.outputs();
  for (const double value : fresh[0].values) EXPECT_TRUE(std::isnan(value));
  output.data<float>()[0] = 1;
  EXPECT_TRUE(workspace.damage().empty());
  output.data<float>()[6] = 1;
  output.data<float>()[-1] = 1;
  input.data<float>()[0] += 1;
  EXPECT_EQ(workspace.damage().size(), 3u);
}

}  // namespace
}  // namespace mcnn::cases
