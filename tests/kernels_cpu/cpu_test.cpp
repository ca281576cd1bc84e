// The CPU backend against ref on every case, with every instruction set this machine has, and with one thread and two.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cctype>

#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

void expect_agreement(const std::vector<Output>& found, const std::vector<Output>& reference) {
  ASSERT_EQ(found.size(), reference.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(disagreement(found[i], reference[i]), "");
}

class CpuCase : public testing::TestWithParam<Case> {
 protected:
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(CpuCase, AgreesWithRefOnEveryInstructionSet) {
  const auto ref = make_ref_ops();
  const std::vector<Output> expected = run(GetParam(), *ref, DType::f64);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    const auto cpu = make_cpu_ops(2);
    expect_agreement(run(GetParam(), *cpu, DType::f32), expected);
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST_P(CpuCase, SameBitsWithAnyNumberOfThreads) {
  const auto one = make_cpu_ops(1), two = make_cpu_ops(2), three = make_cpu_ops(3);
  const std::vector<Output> expected = run(GetParam(), *one, DType::f32);
  for (Ops* ops : {two.get(), three.get()}) {
    const std::vector<Output> found = run(GetParam(), *ops, DType::f32);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(same_bits(found[i], expected[i])) << found[i].name << ", " << ops->name();
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
