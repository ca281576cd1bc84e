// The emulator's bf16 and fp16: all 65536 values of each are compared with their definition, computed in double.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace {

/// sign, exponent and fraction as IEEE 754 reads them.
double value_of(unsigned bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, most = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & most;
  const int fraction = static_cast<int>(bits) & ((1 << fraction_bits) - 1);
  const double sign = bits >> 15 ? -1. : 1.;
  if (exponent == most) return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

/// Converts each value, the middle between it and the next, and the floats next to the middle.
template <class T>
void expect_nearest_even(int exponent_bits, int fraction_bits) {
  const unsigned infinity = ((1u << exponent_bits) - 1) << fraction_bits;
  const auto bits_of = [](double x) { return static_cast<unsigned>(std::bit_cast<unsigned short>(T(static_cast<float>(x)))); };
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const double value = value_of(bits, exponent_bits, fraction_bits);
    const float widened = static_cast<float>(std::bit_cast<T>(static_cast<unsigned short>(bits)));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(widened)) << bits;
      ASSERT_EQ(bits_of(value), 0x7fffu);  // the device's one NaN
      continue;
    }
    ASSERT_EQ(std::bit_cast<unsigned>(widened), std::bit_cast<unsigned>(static_cast<float>(value))) << bits;
    ASSERT_EQ(bits_of(value), bits);
    const unsigned magnitude = bits & 0x7fffu;
    if (magnitude >= infinity) continue;
    // For the largest value, the next one is what it would be with a larger exponent.
    const double next = magnitude + 1 < infinity ? value_of(bits + 1, exponent_bits, fraction_bits)
                                                 : 2 * value - value_of(bits - 1, exponent_bits, fraction_bits);
    const float middle = static_cast<float>((value + next) / 2);
    if (middle == value || std::isinf(middle)) continue;  // fp32 itself ends here
    ASSERT_EQ(bits_of(middle), bits % 2 ? bits + 1 : bits);
    ASSERT_EQ(bits_of(std::nextafter(middle, 0.f)), bits);
    ASSERT_EQ(bits_of(std::nextafter(middle, std::copysign(std::numeric_limits<float>::infinity(), middle))), bits + 1);
  }
}

TEST(NarrowFloats, Bf16RoundsToNearestEven) { expect_nearest_even<__nv_bfloat16>(8, 7); }
TEST(NarrowFloats, HalfRoundsToNearestEven) { expect_nearest_even<__half>(5, 10); }

TEST(NarrowFloats, Pairs) {
  const __nv_bfloat162 b = __floats2bfloat162_rn(1.5f, -2.f);
  const __half2 h = __float22half2_rn({0.25f, 65520.f});
  EXPECT_EQ(std::bit_cast<unsigned>(b), 0xc0003fc0u);  // the first in the low half
  EXPECT_EQ(std::bit_cast<unsigned>(h), 0x7c003400u);
  EXPECT_EQ(__bfloat1622float2(b).y, -2.f);
  EXPECT_EQ(__low2float(h), 0.25f);
}

}  // namespace
