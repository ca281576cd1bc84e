// Cross-entropy with soft, smoothed targets: loss and gradient.  Contract and formulas: kernels/operations/cross_entropy.h.
// (N,K) with K a handful of classes: plain code in double. log softmax = l - max - log(sum exp(l - max)) cannot overflow.
// Next: linear.cpp takes dlogits.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_ops.h"

namespace mcnn::cpu {

void CpuOps::execute(CrossEntropy& op) {
  const int64_t samples = op.logits.dim(0), classes = op.logits.dim(1);
  const double kept = 1.0 - op.smoothing, spread = static_cast<double>(op.smoothing) / static_cast<double>(classes);
  const double gradient_scale = state_.loss_scale / static_cast<double>(samples);
  double total = 0;
  for (int64_t n = 0; n < samples; ++n) {
    const float *l = op.logits.data<float>() + n * classes, *t = op.targets.data<float>() + n * classes;
    const double top = *std::max_element(l, l + classes);
    double exponentials = 0, mass = 0;  // of exp(l - top), of the smoothed targets
    for (int64_t k = 0; k < classes; ++k) {
      exponentials += std::exp(l[k] - top);
      mass += kept * t[k] + spread;
    }
    const double log_normaliser = top + std::log(exponentials);
    for (int64_t k = 0; k < classes; ++k) {
      const double target = kept * t[k] + spread, log_softmax = l[k] - log_normaliser;
      total -= target * log_softmax;
      if (op.dlogits)
        op.dlogits.data<float>()[n * classes + k] = static_cast<float>(gradient_scale * (std::exp(log_softmax) * mass - target));
    }
  }
  op.loss.data<float>()[0] = static_cast<float>(total / static_cast<double>(samples));
}

}  // namespace mcnn::cpu
