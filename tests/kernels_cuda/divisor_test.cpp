// Division by multiplication, where it could go wrong: around the multiples of the divisor, and at the ends of the range.
#include "kernels/cuda/divisor.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace mcnn::cuda {
namespace {

TEST(Divisor, DividesAsTheProcessorDoes) {
  for (const int d : {1, 2, 3, 5, 7, 9, 48, 49, 112, 641, 12544, 50176, 65535, 65536, 65537, 1000003, 1 << 30, INT32_MAX - 1, INT32_MAX}) {
    const Divisor divisor(d);
    for (const int64_t near : {int64_t{0}, int64_t{d}, int64_t{d} * 2, int64_t{d} * 1000, int64_t{INT32_MAX} / d * d, int64_t{INT32_MAX}})
      for (int64_t n = near - 2; n <= near + 2; ++n) {
        if (n < 0 || n > INT32_MAX) continue;
        const int quotient = divisor.divide(static_cast<int>(n));
        EXPECT_EQ(quotient, n / d) << n << " / " << d;
        EXPECT_EQ(divisor.remainder(static_cast<int>(n), quotient), n % d) << n << " / " << d;
      }
  }
}

}  // namespace
}  // namespace mcnn::cuda
