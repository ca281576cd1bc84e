// Weights of pointwise convolutions in panels, for programs that read the same weights again and again.
// Contract: kernels/operations/pack_weights.h. Inference of B4@224 at batch 1, two cores
// of an AMD Genoa: 42.3 images/s with it, 36.9 where each call packs.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pack_weights.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/products/panels-inl.h"
#include "kernels/cpu/storage.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

int64_t packed_bytes(int64_t in, int64_t out, DType type, bool bf16_dots) {
  int64_t bytes = 0;
  with_product_types<kBf16Dots>(type, bf16_dots,
                                [&](auto, auto e) { bytes = static_cast<int64_t>(panel_floats<decltype(e)>(in, out) * sizeof(float)); });
  return bytes;
}

void pack_weights(PackWeights& op, int threads, bool bf16_dots) {
  const int64_t in = op.w.dim(0), out = op.w.dim(1);
  with_product_types<kBf16Dots>(op.w.dtype(), bf16_dots, [&](auto t, auto e) {
    const auto w = panels<decltype(e)>(reinterpret_cast<float*>(op.packed.data<uint8_t>()), in);
    parallel_for(threads, panel_count(out), [&](int64_t panel) { pack(op.w.data<decltype(t)>(), in, out, panel, w); });
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(packed_bytes);
HWY_EXPORT(pack_weights);

int64_t CpuOps::packed_weight_bytes(int64_t in, int64_t out, DType type) const {
  return HWY_DYNAMIC_DISPATCH(packed_bytes)(in, out, type, bf16_dots_);
}
void CpuOps::execute(PackWeights& op) { HWY_DYNAMIC_DISPATCH(pack_weights)(op, threads_, bf16_dots_); }

}  // namespace mcnn::cpu
#endif
