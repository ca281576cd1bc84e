// The learning rate from the first step to the last.
#include "train/schedule.h"

#include <gtest/gtest.h>

namespace mcnn {
namespace {

TEST(CosineSchedule, WithoutWarmUpAsPyTorch) {
  // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10) at lr 0.1: get_last_lr() before each step.
  const double expected[] = {0.1,  0.09755282581475769, 0.09045084971874738,  0.07938926261462366, 0.06545084971874737,
                             0.05, 0.03454915028125263, 0.020610737385376346, 0.00954915028125263, 0.0024471741852423235};
  const CosineSchedule schedule{.peak = 0.1, .total_steps = 10};
  for (int64_t step = 0; step < 10; ++step) EXPECT_NEAR(schedule.at(step), expected[step], 1e-15) << step;
}

TEST(CosineSchedule, WarmUpRisesByEqualStepsToThePeak) {
  const CosineSchedule schedule{.peak = 0.5, .warmup_steps = 4, .total_steps = 20};
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.1);  // not 0: a step that changes nothing
  for (int64_t step = 1; step <= 4; ++step) EXPECT_NEAR(schedule.at(step) - schedule.at(step - 1), 0.1, 1e-15) << step;
  EXPECT_EQ(schedule.at(4), 0.5);
  for (int64_t step = 5; step < 20; ++step) EXPECT_LT(schedule.at(step), schedule.at(step - 1)) << step;
  EXPECT_GT(schedule.at(19), 0.0);
  EXPECT_NEAR(schedule.at(20), 0.0, 1e-15);
  EXPECT_EQ(schedule.at(21), schedule.at(20)) << "the cosine does not rise again";
  EXPECT_NEAR(schedule.at(12), 0.25, 1e-15);  // half of what follows the warm-up
}

TEST(CosineSchedule, OddCasesStayFinite) {
  EXPECT_EQ((CosineSchedule{.peak = 0.5, .total_steps = 1}.at(0)), 0.5);
  const CosineSchedule only_warmup{.peak = 0.5, .warmup_steps = 9, .total_steps = 3};  // more warm-up than run
  for (int64_t step = 0; step < 3; ++step) EXPECT_DOUBLE_EQ(only_warmup.at(step), 0.05 * static_cast<double>(step + 1));
  EXPECT_EQ((CosineSchedule{.peak = 0.5, .warmup_steps = 3, .total_steps = 3}.at(3)), 0.5);
}

}  // namespace
}  // namespace mcnn
