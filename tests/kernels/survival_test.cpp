// Dropout and drop-path keep what they should: rates, scale, and no echo between steps and streams. Backends agree on the
// masks bit for bit (the cases), so one is enough here; a mask with keep and drop exchanged would pass everywhere else.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

constexpr int64_t kCount = 100000;

/// What drop_path_scale draws for kCount samples.
std::vector<double> drawn(uint32_t step, uint32_t stream, float drop) {
  const auto ops = make_ref_ops();
  Arena arena(ops->memory());
  Tensor scale = arena.tensor({kCount}, DType::f64);
  ops->begin_step({.seed = 1, .step = step});
  ops->run(DropPathScale{stream, drop, scale});
  return {scale.data<double>(), scale.data<double>() + kCount};
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

TEST(Survival, DropPathKeepsOneMinusDropAndScalesIt) {
  const std::vector<double> scale = drawn(0, 0, 0.2f);
  int64_t kept = 0;
  for (const double s : scale) {
    if (s == 0) continue;
    EXPECT_NEAR(s, 1.25, 1e-6);
    ++kept;
  }
  EXPECT_NEAR(static_cast<double>(kept) / kCount, 0.8, 5 * std::sqrt(0.16 / kCount));  // five standard deviations
}

TEST(Survival, DropoutKeepsOneMinusDropAndScalesIt) {
  const auto ops = make_ref_ops();
  Arena arena(ops->memory());
  Tensor x = arena.tensor({kCount / 100, 100}, DType::f64), y = arena.tensor({kCount / 100, 100}, DType::f64);
  ops->run(Fill{x, 3.f});
  ops->begin_step({.seed = 1, .step = 4});
  ops->run(Dropout{x, 9, 0.4f, y});
  const std::vector<double> values(y.data<double>(), y.data<double>() + kCount);
  EXPECT_NEAR(mean(values), 3.0, 5 * 5.0 * std::sqrt(0.24 / kCount));
  for (const double v : values) EXPECT_TRUE(v == 0 || std::abs(v - 5.0) < 1e-6) << v;
}

TEST(Survival, StepsAndStreamsAreIndependent) {
  const std::vector<double> base = drawn(7, 3, 0.5f);  // 0 or 2, mean 1
  for (const auto& [step, stream] : {std::pair(8u, 3u), std::pair(7u, 4u), std::pair(3u, 7u)}) {
    const std::vector<double> other = drawn(step, stream, 0.5f);
    double correlation = 0;
    for (std::size_t i = 0; i < base.size(); ++i) correlation += (base[i] - 1) * (other[i] - 1);
    EXPECT_NEAR(correlation / kCount, 0.0, 5 / std::sqrt(static_cast<double>(kCount))) << step << " " << stream;
  }
}

}  // namespace
}  // namespace mcnn
