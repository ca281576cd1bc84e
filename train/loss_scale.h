// Dynamic loss scaling: fp16 rounds gradients below 3e-8 to 0 and those beyond 65504 to infinity, so the loss's gradient is
// multiplied by a power of two (StepState::loss_scale), as large as possible without overflow. It is found by trial: a step whose
// gradients are not finite changes no weights and halves the scale; kPatience finite steps in a row double it.
// Source: Micikevicius et al. 2018, "Mixed precision training", section 3.2; the numbers are PyTorch's GradScaler's.
#pragma once

namespace mcnn {

struct LossScale {
  static constexpr int kPatience = 2000;

  float value = 65536.f;
  int finite_steps = 0;  ///< since the scale last changed

  /// Called after each step. finite: whether its gradients were.
  void update(bool finite) {
    finite_steps = finite ? finite_steps + 1 : 0;
    if (!finite) value /= 2;
    if (finite_steps < kPatience) return;
    value *= 2;
    finite_steps = 0;
  }
};

}  // namespace mcnn
