// Dynamic loss scaling: fp16 rounds gradients below 3e-8 to 0 and those beyond 65504 to infinity, so the loss's gradient is
// multiplied by the largest power of two that does not overflow (StepState::loss_scale). It is found by trying: a step whose
// gradients are not finite changes nothing and halves the scale; a long run of finite ones doubles it.
// Source: Micikevicius et al. 2018, "Mixed precision training", section 3.2; the numbers are PyTorch's GradScaler's.
#pragma once

namespace mcnn {

struct LossScale {
  static constexpr int kPatience = 2000;

  float value = 65536.f;
  int finite_steps = 0;  ///< since it last changed

  /// After each step: whether its gradients were finite.
  void update(bool finite) {
    finite_steps = finite ? finite_steps + 1 : 0;
    if (!finite) value /= 2;
    if (finite_steps < kPatience) return;
    value *= 2;
    finite_steps = 0;
  }
};

}  // namespace mcnn
