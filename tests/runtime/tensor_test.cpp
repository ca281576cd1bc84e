// Tensor and Shape.
#include "runtime/tensor.h"

#include <gtest/gtest.h>

#include <array>

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
  EXPECT_THROW(x.data<f16>(), ShapeError);
  EXPECT_THROW(x.data<uint8_t>(), ShapeError);
}

}  // namespace
}  // namespace mcnn
