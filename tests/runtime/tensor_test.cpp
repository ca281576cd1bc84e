// Tensor, Shape and the narrow float.
#include "runtime/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mcnn {
namespace {

TEST(Shape, SizeAndText) {
  EXPECT_EQ((Shape{32, 112, 112, 48}.str()), "(32,112,112,48)");
  EXPECT_EQ((Shape{32, 112, 112, 48}.size()), 19267584);
  EXPECT_EQ((Shape{70000, 70000}.size()), 4900000000);  // beyond 32 bits
  EXPECT_EQ(Shape{}.size(), 1);
  EXPECT_EQ(Shape{}.str(), "()");
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2}), (Shape{2, 0}));
  EXPECT_THROW((Shape{1, 2, 3, 4, 5}), ShapeError);
}

TEST(Tensor, AbsentIsEmptyAndNull) {
  const Tensor absent;
  EXPECT_FALSE(absent.defined());
  EXPECT_EQ(absent.size(), 0);
  EXPECT_EQ(absent.bytes(), 0u);
  EXPECT_EQ(absent.data<float>(), nullptr);
}

TEST(Tensor, RefusesToBeReadAsAnotherType) {
  std::array<float, 24> memory{};
  Tensor x(memory.data(), DType::f32, {1, 2, 3, 4});
  EXPECT_EQ(x.rows(), 6);
  EXPECT_EQ(x.c(), 4);
  EXPECT_EQ(x.bytes(), 96u);
  EXPECT_EQ(x.data<float>(), memory.data());
  EXPECT_THROW(x.data<double>(), ShapeError);
  EXPECT_THROW(x.data<bf16>(), ShapeError);
  EXPECT_THROW(x.data<uint8_t>(), ShapeError);
}

TEST(Bf16, RoundsToNearestEven) {
  const auto round_trip = [](float x) { return static_cast<float>(bf16(x)); };
  EXPECT_EQ(round_trip(1.f), 1.f);
  EXPECT_EQ(round_trip(1.f + 0x1p-8f), 1.f);                       // half way, to the even neighbour below
  EXPECT_EQ(round_trip(1.f + 3 * 0x1p-8f), 1.f + 0x1p-6f);         // half way, to the even neighbour above
  EXPECT_EQ(round_trip(1.f + 0x1p-8f + 0x1p-20f), 1.f + 0x1p-7f);  // above half way
  EXPECT_EQ(round_trip(-1.f - 0x1p-8f), -1.f);
  EXPECT_EQ(round_trip(0x1.fffffep127f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(round_trip(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(round_trip(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(round_trip(std::bit_cast<float>(0x7f800001u))));  // a NaN whose upper half alone is infinity
  EXPECT_TRUE(std::signbit(round_trip(-0.f)));
}

}  // namespace
}  // namespace mcnn
