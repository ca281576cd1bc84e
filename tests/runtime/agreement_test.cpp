#include "runtime/agreement.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mcnn {
namespace {

TEST(Agreement, BothBoundsAndNaN) {
  const std::vector<double> reference = {3, 0, 4, 0};  // norm 5, largest 4
  const Agreement a = agreement({3, 0, 4, 0.5}, reference);
  EXPECT_DOUBLE_EQ(a.norm_error, 0.1);
  EXPECT_DOUBLE_EQ(a.max_error, 0.125);
  EXPECT_EQ(a.where, 3u);
  EXPECT_TRUE(a.within(0.1001));
  EXPECT_FALSE(a.within(0.0999));
  // One large error among many values is small in the norm but not in the maximum.
  std::vector<double> many(10000, 1.0);
  std::vector<double> found(10000, 1.0);
  found[77] = 1.05;
  EXPECT_LT(agreement(found, many).norm_error, 1e-3);
  EXPECT_FALSE(agreement(found, many).within(1e-3));
  for (const double bad : {NAN, INFINITY}) EXPECT_FALSE(agreement({3, 0, bad, 0}, reference).within(1e9)) << bad;
  EXPECT_FALSE(agreement({3, 0, 4, 0}, {3, 0, NAN, 0}).within(1e9));
  const Agreement zero = agreement({0, 1e-3}, {0, 0});
  EXPECT_NEAR(zero.norm_error, 1e-3, 1e-9);
  EXPECT_NEAR(zero.max_error, 1e-3, 1e-9);
}

}  // namespace
}  // namespace mcnn
