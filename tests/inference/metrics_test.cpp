// Scores against confusion matrices small enough to work out by hand.
#include "inference/metrics.h"

#include <gtest/gtest.h>

namespace mcnn {
namespace {

Confusion of(const std::vector<std::vector<int>>& rows) {
  Confusion confusion(static_cast<int>(rows.size()));
  for (std::size_t t = 0; t < rows.size(); ++t)
    for (std::size_t p = 0; p < rows.size(); ++p)
      for (int i = 0; i < rows[t][p]; ++i) confusion.add(static_cast<int>(t), static_cast<int>(p));
  return confusion;
}

TEST(Confusion, ThreeClassesByHand) {
  const Confusion c = of({{2, 1, 0}, {0, 3, 1}, {1, 0, 2}});
  EXPECT_EQ(c.total(), 10);
  EXPECT_EQ(c.count(1, 2), 1);  // truth first
  EXPECT_EQ(c.count(2, 1), 0);
  EXPECT_DOUBLE_EQ(c.accuracy(), 0.7);
  EXPECT_DOUBLE_EQ(c.f1(0), 4.0 / 6.0);  // TP 2, FN 1, FP 1
  EXPECT_DOUBLE_EQ(c.f1(1), 6.0 / 8.0);  // TP 3, FN 1, FP 1
  EXPECT_DOUBLE_EQ(c.f1(2), 4.0 / 6.0);  // TP 2, FN 1, FP 1
  EXPECT_DOUBLE_EQ(c.macro_f1(), (4.0 / 6.0 + 6.0 / 8.0 + 4.0 / 6.0) / 3.0);
}

TEST(Confusion, F1IsNotSymmetricInItsErrors) {
  const Confusion c = of({{2, 1}, {0, 3}});
  EXPECT_DOUBLE_EQ(c.f1(0), 4.0 / 5.0);
  EXPECT_DOUBLE_EQ(c.f1(1), 6.0 / 7.0);
}

TEST(Confusion, ClassesNobodySawCountZeroInTheMean) {
  const Confusion absent = of({{4, 0, 0}, {0, 2, 0}, {0, 0, 0}});  // class 2: 0/0
  EXPECT_EQ(absent.f1(2), 0.0);
  EXPECT_DOUBLE_EQ(absent.macro_f1(), 2.0 / 3.0);
  EXPECT_EQ(absent.accuracy(), 1.0);
  EXPECT_EQ(of({{3, 1}, {0, 0}}).f1(1), 0.0);  // predicted, never true
  EXPECT_EQ(of({{3, 0}, {2, 0}}).f1(1), 0.0);  // true, never predicted
}

TEST(Confusion, OneClassAndNoPhoto) {
  EXPECT_EQ(of({{5}}).macro_f1(), 1.0);
  EXPECT_EQ(of({{5}}).accuracy(), 1.0);
  EXPECT_EQ(of({{0, 0}, {0, 0}}).macro_f1(), 0.0);
  EXPECT_EQ(of({{0, 0}, {0, 0}}).accuracy(), 0.0);
}

int label(int mask, int gender, int age) { return mask * 6 + gender * 3 + age; }

TEST(ScoreLine, TasksOfTheCompetition) {
  Confusion c(18);
  c.add(label(0, 0, 0), label(0, 0, 0));  // all right
  c.add(label(2, 1, 2), label(2, 1, 1));  // wrong age
  c.add(label(1, 1, 0), label(0, 1, 0));  // wrong mask
  c.add(label(0, 1, 1), label(2, 0, 1));  // wrong mask and gender
  EXPECT_EQ(score_line(c, true), "macro F1 0.0556  accuracy 0.2500  mask 0.500  gender 0.750  age 0.750");
  EXPECT_EQ(score_line(c, false), "macro F1 0.0556  accuracy 0.2500");  // one class of 18 has F1 = 1
}

}  // namespace
}  // namespace mcnn
