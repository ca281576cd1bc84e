// The 2-norm of all gradients together, and the factor that clips it.  Contract and formulas: kernels/operations/optimizers.h.
// Bandwidth-bound, so squares are summed in double: no gradient is too large, and the order of the sum hardly shows.
// One sum per piece of fixed size, merged in the order of the pieces.
// Next: adamw.cpp and sgd.cpp multiply gradients by clip.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gradient_norm.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

double sum_of_squares(const float* x, int64_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);  // two sums, so that one addition need not wait for the last
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(narrow, x + i)), b = hn::PromoteTo(d, hn::LoadU(narrow, x + i + lanes));
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(sum_of_squares);

void CpuOps::execute(GradientNorm& op) {
  const float* const gradients = op.gradients.data<float>();
  std::vector<double> sums(static_cast<std::size_t>(pieces_of(op.gradients.size())));
  for_pieces(threads_, op.gradients.size(), [&](int64_t piece, int64_t first, int64_t count) {
    sums[static_cast<std::size_t>(piece)] = HWY_DYNAMIC_DISPATCH(sum_of_squares)(gradients + first, count);
  });
  double squares = 0;
  for (const double sum : sums) squares += sum;
  const double length = std::sqrt(squares) / state_.loss_scale;
  const double factor = op.max_norm == 0.0f ? 1.0 : std::min(1.0, op.max_norm / (length + 1e-6));
  op.norm.data<float>()[0] = static_cast<float>(length);
  op.clip.data<float>()[0] = std::isfinite(op.norm.data<float>()[0]) ? static_cast<float>(factor / state_.loss_scale) : 0.0f;
}

}  // namespace mcnn::cpu
#endif
