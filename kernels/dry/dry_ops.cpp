// Carries nothing out. A step run with it over imaginary memory makes every allocation of the real one and touches none:
// the arena's peak is the memory the step would take.
#include <cstring>

#include "kernels/ops.h"

namespace mcnn {
namespace {

class DryOps final : public Ops {
 public:
  std::string name() const override { return "dry (nothing is computed)"; }
  Memory& memory() override { return imaginary_memory(); }
  bool supports(DType) const override { return true; }

  void begin_step(const StepState&) override {}
  void copy_from_host(const void*, Tensor&) override {}
  void copy_to_host(const Tensor& source, void* target) override { std::memset(target, 0, source.bytes()); }
  void fill(Tensor&, float) override {}
  void pointwise_forward(const Feature&, const Tensor&, Tensor&, Moments*) override {}
  void pointwise_backward(const Feature&, const Tensor&, const OutputGradient&, Tensor&, InputGradient*) override {}
  void depthwise_forward(const Feature&, const Tensor&, const ConvGeometry&, Tensor&, Moments*) override {}
  void depthwise_backward(const Feature&, const Tensor&, const ConvGeometry&, const OutputGradient&, Tensor&, InputGradient*) override {}
  void dense_forward(const Feature&, const Tensor&, const ConvGeometry&, Tensor&, Moments*) override {}
  void dense_backward(const Feature&, const Tensor&, const ConvGeometry&, const OutputGradient&, Tensor&, InputGradient*) override {}
  void batch_norm_forward(const Moments&, int64_t, const Tensor&, const Tensor&, float, float, Tensor&, Tensor&, Norm&) override {}
  void batch_norm_frozen(const Tensor&, const Tensor&, const Tensor&, const Tensor&, float, Norm&) override {}
  void batch_norm_sums(const Feature&, const Tensor&, const Tensor&, Tensor&, Tensor&) override {}
  void batch_norm_sums_gated(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, Tensor&,
                             Tensor&) override {}
  void pool_forward(const Feature&, Tensor&, Tensor&, Tensor&) override {}
  void squeeze_excite_forward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, Tensor&, Tensor&) override {}
  void squeeze_excite_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, Tensor&,
                               Tensor&, Tensor&, Tensor&, Tensor&) override {}
  void residual_forward(const Feature&, const Feature&, const Tensor&, Tensor&) override {}
  void drop_path_scale(uint32_t, float, Tensor&) override {}
  void dropout(const Tensor&, uint32_t, float, Tensor&) override {}
  void linear_forward(const Tensor&, const Tensor&, const Tensor&, Tensor&) override {}
  void linear_backward(const Tensor&, const Tensor&, const Tensor&, float, Tensor&, Tensor&, Tensor&) override {}
  void cross_entropy(const Tensor&, const Tensor&, float, Tensor&, Tensor&) override {}
  void normalize_images(const Tensor&, const Tensor&, const float (&)[3], const float (&)[3], Tensor&) override {}
  void gradient_norm(std::span<const Tensor>, float, Tensor&, Tensor&) override {}
  void adamw(const AdamW&, const Tensor&, std::span<OptimizerSlot>) override {}
  void sgd(const Sgd&, const Tensor&, std::span<OptimizerSlot>) override {}
  void ema(float, const Tensor&, std::span<const Tensor>, std::span<Tensor>) override {}
};

}  // namespace

std::unique_ptr<Ops> make_dry_ops() { return std::make_unique<DryOps>(); }

}  // namespace mcnn
