// y = z(x) + sample_scale[n] * z(branch): the end of a block with a skip.  Contract: kernels/operations/residual.h.
// Bandwidth-bound: both features are transformed on read and y is written, each once. In an EfficientNet both are linear;
// the choice of activation is a branch per vector that is always predicted.
// Next: dropout.cpp makes sample_scale; batch_norm.cpp has the sums its backward needs.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/residual.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_parts.h"
#include "kernels/cpu/feature-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

template <class D, class T>
HWY_INLINE hn::Vec<D> read(D d, Activation act, const T* raw, const FeatureRow& row, int64_t c) {
  switch (act) {
    case Activation::identity: return read_vector<Activation::identity>(d, raw, row, c);
    case Activation::swish: return read_vector<Activation::swish>(d, raw, row, c);
    case Activation::relu6: return read_vector<Activation::relu6>(d, raw, row, c);
    case Activation::relu: return read_vector<Activation::relu>(d, raw, row, c);
    case Activation::hard_swish: return read_vector<Activation::hard_swish>(d, raw, row, c);
  }
  return hn::Zero(d);
}

template <class T>
void add_rows(const Feature& x, const Feature& branch, float branch_scale, const RowPart& part, T* y) {
  const int64_t channels = x.raw.c();
  const FeatureRow x_row = feature_row(x, part.n, 0), branch_row = feature_row(branch, part.n, 0);
  const Activation x_act = x.act, branch_act = branch.act;
  for (int64_t row = part.first; row < part.first + part.rows; ++row) {
    const T* x_raw = x.raw.data<T>() + row * channels;
    const T* branch_raw = branch.raw.data<T>() + row * channels;
    T* out = y + row * channels;
    for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto skip = read(d, x_act, x_raw, x_row, c);
      store(d, hn::MulAdd(hn::Set(d, branch_scale), read(d, branch_act, branch_raw, branch_row, c), skip), out + c);
    });
  }
}

void residual_rows(const Feature& x, const Feature& branch, float branch_scale, const RowPart& part, Tensor& y) {
  add_rows(x, branch, branch_scale, part, y.data<float>());
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
