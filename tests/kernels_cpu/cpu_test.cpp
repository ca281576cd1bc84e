// The CPU backend against ref on every case, with every instruction set this machine has, and with one thread and two.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cctype>

#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

/// Outputs of a case on `ops` with maps stored as `storage`, against ref's with its inputs rounded likewise.
void expect_agreement(const Case& row, Ops& ops, DType storage, const std::vector<Output>& reference) {
  const std::vector<Output> found = run(row, ops, storage, storage);
  ASSERT_EQ(found.size(), reference.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    Output expected = reference[i];
    expected.tolerance = std::max(expected.tolerance, tolerance_of(storage));
    EXPECT_EQ(disagreement(found[i], expected), "") << ops.name();
  }
}

class CpuCase : public testing::TestWithParam<Case> {
 protected:
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(CpuCase, AgreesWithRefOnEveryInstructionSet) {
  const auto ref = make_ref_ops();
  const std::vector<Output> expected = run(GetParam(), *ref, DType::f64, DType::f32);
  const std::vector<Output> expected_bf16 = run(GetParam(), *ref, DType::f64, DType::bf16);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    expect_agreement(GetParam(), *make_cpu_ops(2), DType::f32, expected);
    expect_agreement(GetParam(), *make_cpu_ops(2), DType::bf16, expected_bf16);
    expect_agreement(GetParam(), *make_cpu_ops(2, false), DType::bf16, expected_bf16);
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST_P(CpuCase, SameBitsWithAnyNumberOfThreads) {
  for (const DType storage : {DType::f32, DType::bf16}) {
    const std::vector<Output> expected = run(GetParam(), *make_cpu_ops(1), storage, storage);
    for (const int threads : {2, 3}) {
      const std::vector<Output> found = run(GetParam(), *make_cpu_ops(threads), storage, storage);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_TRUE(same_bits(found[i], expected[i])) << found[i].name << " of " << name_of(storage) << ", " << threads << " threads";
      }
    }
  }
}

std::string test_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.operation + "_" + info.param.name + "_" + std::to_string(info.index);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, CpuCase, testing::ValuesIn(all_cases()), test_name);

}  // namespace
}  // namespace mcnn::cases
