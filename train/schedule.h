// Learning rate over a run: linear warm-up, then half a cosine to 0 (Loshchilov & Hutter 2017, one cycle).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace mcnn {

struct CosineSchedule {
  double peak = 1e-3;
  int64_t warmup_steps = 0, total_steps = 1;

  /// For step 0, 1, ..., total_steps-1; 0 after these. Without warm-up step 0 runs at the peak, as PyTorch's CosineAnnealingLR.
  double at(int64_t step) const {
    if (step < warmup_steps) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
    const double progress =
        std::min(static_cast<double>(step - warmup_steps) / static_cast<double>(std::max<int64_t>(total_steps - warmup_steps, 1)), 1.0);
    return 0.5 * peak * (1.0 + std::cos(std::numbers::pi * progress));
  }
};

}  // namespace mcnn
