// Moments are those of the stored values: a convolution whose outputs are all one value that bf16 cannot hold has the stored value as its
// mean and no spread. And a loud line where this machine cannot run products of bf16.
#include <gtest/gtest.h>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

TEST(StoredMoments, AreOfTheValuesAsRounded) {
  for (const bool bf16_dots : {false, true}) {
    const auto ops = make_cpu_ops(1, bf16_dots);
    Arena arena(ops->memory());
    const float factor = 1.0078125f;  // bf16 holds it; its square, 1.01568603515625, lies between 1.015625 and 1.0234375
    for (const int64_t rows : {1, 9, 200}) {
      Tensor x = arena.tensor({1, rows, 1, 1}, DType::bf16), w = arena.tensor({1, 1}, DType::bf16);
      std::fill_n(x.data<bf16>(), rows, bf16(factor));
      w.data<bf16>()[0] = bf16(factor);
      Tensor y = arena.tensor({1, rows, 1, 1}, DType::bf16);
      const Moments moments{arena.tensor({1}), arena.tensor({1})};
      ops->run(PointwiseForward{{.raw = x}, w, y, moments, {}, {}});
      const auto stored = static_cast<float>(y.data<bf16>()[0]);
      EXPECT_EQ(stored, 1.015625f);
      EXPECT_NEAR(moments.mean.data<float>()[0], stored, 2e-7) << rows << " rows";
      EXPECT_NEAR(moments.m2.data<float>()[0], 0.0, 1e-9) << rows << " rows";
    }
  }
}

TEST(Bf16Dots, AreRunByTheCases) {
  const std::string name = make_cpu_ops(1)->name();
  if (name.find("BF16") == std::string::npos) GTEST_SKIP() << "NOT TESTED: products of bf16; this is " << name << ", without AVX512_BF16";
  EXPECT_EQ(make_cpu_ops(1, false)->name().find("BF16"), std::string::npos);
}

}  // namespace
}  // namespace mcnn
