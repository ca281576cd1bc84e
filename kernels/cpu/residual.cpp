// y = z(x) + sample_scale[n] * z(branch): the end of a block with a skip.  Contract: kernels/operations/residual.h.
// Bandwidth-bound: both features are transformed on read and y is written, each once. In an EfficientNet both are linear;
// the choice of the skip's activation is a branch per vector that is always predicted.
// Next: dropout.cpp makes sample_scale; batch_norm.cpp has the sums its backward needs.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/residual.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_parts.h"
#include "kernels/cpu/readers/feature_reader-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"
#include "kernels/cpu/storage.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

template <Activation kBranchAct, class T>
void add_rows(const Feature& x, const Feature& branch, float branch_scale, const RowPart& part, T* y) {
  const int64_t channels = x.raw.c();
  const FeatureSample x_sample = feature_sample(x, part.n), branch_sample = feature_sample(branch, part.n);
  for (int64_t at = part.first * channels; at < (part.first + part.rows) * channels; at += channels) {
    for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
      const FeatureReader of_x(d, x_sample, c), of_branch(d, branch_sample, c);
      const auto raw = load(d, x.raw.data<T>() + at + c);
      hn::Vec<decltype(d)> skip;
      with_activation(x.act, [&](auto act) HWY_ATTR { skip = of_x.template z<act()>(raw); });
      const auto z = of_branch.template z<kBranchAct>(load(d, branch.raw.data<T>() + at + c));
      store(d, hn::MulAdd(hn::Set(d, branch_scale), z, skip), y + at + c);
    });
  }
}

void residual_rows(const Feature& x, const Feature& branch, float branch_scale, const RowPart& part, Tensor& y) {
  with_storage(y.dtype(), [&](auto t) {
    with_activation(branch.act, [&](auto act) HWY_ATTR { add_rows<act()>(x, branch, branch_scale, part, y.data<decltype(t)>()); });
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(residual_rows);

void CpuOps::execute(ResidualForward& op) {
  const RowParts parts(op.y);
  parallel_for(threads_, parts.count(), [&](int64_t index) {
    const RowPart part = parts[index];
    const float branch_scale = op.sample_scale ? op.sample_scale.data<float>()[part.n] : 1.0f;
    HWY_DYNAMIC_DISPATCH(residual_rows)(op.x, op.branch, branch_scale, part, op.y);
  });
}

}  // namespace mcnn::cpu
#endif
