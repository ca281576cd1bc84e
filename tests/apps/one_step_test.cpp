// examples/one_step.cpp, as a reader of it would run it.
#include <gtest/gtest.h>

#include <regex>

#include "tests/apps/program.h"
#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

TEST(OneStep, TheLossFalls) {
  Workplace here;
  const Outcome outcome = run_program("one_step", {here.photos()[0], "3"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  std::vector<double> losses;
  const std::regex line("step [0-9]: loss ([0-9.]+)");
  for (std::sregex_iterator i(outcome.out.begin(), outcome.out.end(), line), end; i != end; ++i) losses.push_back(std::stod((*i)[1]));
  ASSERT_EQ(losses.size(), 10u) << outcome.out;
  EXPECT_LT(losses.back(), 0.8 * losses.front());
}

TEST(OneStep, SaysWhatItNeeds) {
  EXPECT_EQ(run_program("one_step", {"photo.jpg", "18"}).status, 2);
  const Outcome outcome = run_program("one_step", {"no such photo.jpg", "3"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("no such photo.jpg"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace mcnn
