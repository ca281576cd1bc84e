// bf16 and fp16, the storage types that C++20 lacks.
#include "runtime/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mcnn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Bf16, RoundsToNearestEven) {
  const auto round_trip = [](float x) { return static_cast<float>(bf16(x)); };
  EXPECT_EQ(round_trip(1.f), 1.f);
  EXPECT_EQ(round_trip(1.f + 0x1p-8f), 1.f);                       // half way, to the even neighbour below
  EXPECT_EQ(round_trip(1.f + 3 * 0x1p-8f), 1.f + 0x1p-6f);         // half way, to the even neighbour above
  EXPECT_EQ(round_trip(1.f + 0x1p-8f + 0x1p-20f), 1.f + 0x1p-7f);  // above half way
  EXPECT_EQ(round_trip(-1.f - 0x1p-8f), -1.f);
  EXPECT_EQ(round_trip(0x1.fffffep127f), kInfinity);
  EXPECT_EQ(round_trip(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(round_trip(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(round_trip(std::bit_cast<float>(0x7f800001u))));  // a NaN whose upper half alone is infinity
  EXPECT_TRUE(std::signbit(round_trip(-0.f)));
}

/// The value of 16 bits by IEEE 754's formula.
double meaning(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  const double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

f16 of_bits(unsigned bits) {
  f16 half;
  half.bits = static_cast<uint16_t>(bits);
  return half;
}

TEST(F16, AllValuesMeanWhatIeeeSaysAndSurviveTheRoundTrip) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<float>(of_bits(bits));
    const double expected = meaning(static_cast<uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(f16(value)))) << bits;
      continue;
    }
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    ASSERT_EQ(f16(value).bits, bits);
  }
}

TEST(F16, RoundsToNearestEvenBetweenAllNeighbours) {
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    // Above the largest comes 65536, which only infinity stands for: the middle, 65520, is infinity already.
    const auto low = static_cast<float>(of_bits(bits)), high = bits == 0x7bff ? 65536.f : static_cast<float>(of_bits(bits + 1));
    const float middle = (low + high) / 2;  // exact: fp32 has more than one bit to spare, also below the subnormals
    const unsigned even = bits % 2 ? bits + 1 : bits;
    for (const float sign : {1.f, -1.f}) {
      const unsigned sign_bit = sign < 0 ? 0x8000 : 0;
      ASSERT_EQ(f16(sign * middle).bits, sign_bit | even) << low;
      ASSERT_EQ(f16(sign * std::nextafter(middle, 0.f)).bits, sign_bit | bits) << low;
      ASSERT_EQ(f16(sign * std::nextafter(middle, kInfinity)).bits, sign_bit | (bits + 1)) << low;
    }
  }
}

TEST(F16, BeyondItsRange) {
  EXPECT_EQ(static_cast<float>(f16(1e6f)), kInfinity);
  EXPECT_EQ(static_cast<float>(f16(-std::numeric_limits<float>::max())), -kInfinity);
  EXPECT_EQ(static_cast<float>(f16(kInfinity)), kInfinity);
  EXPECT_EQ(f16(std::numeric_limits<float>::denorm_min()).bits, 0);
  EXPECT_EQ(f16(-std::numeric_limits<float>::denorm_min()).bits, 0x8000);
  EXPECT_TRUE(std::isnan(static_cast<float>(f16(std::bit_cast<float>(0x7f800001u)))));  // a NaN whose upper bits alone are infinity
}

}  // namespace
}  // namespace mcnn
