// Cross-entropy with soft, smoothed targets.  Contract and formulas: kernels/operations/cross_entropy.h.
#include <algorithm>

#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(CrossEntropy& op) {
  const auto samples = static_cast<std::size_t>(op.logits.dim(0)), classes = static_cast<std::size_t>(op.logits.dim(1));
  const Reals x = load(op.logits), t = load(op.targets);
  const double gradient_scale = state_.loss_scale / static_cast<double>(samples);
  Reals gradient(x.size(), 0.0);
  double total = 0.0;
  for (std::size_t n = 0; n < samples; ++n) {
    const double* row = x.data() + n * classes;
    const double largest = *std::max_element(row, row + classes);  // exp cannot overflow
    double sum_exp = 0.0, sum_target = 0.0;
    std::vector<double> target(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      sum_exp += std::exp(row[k] - largest);
      target[k] = (1.0 - op.smoothing) * t[n * classes + k] + op.smoothing / static_cast<double>(classes);
      sum_target += target[k];
    }
    for (std::size_t k = 0; k < classes; ++k) {
      total -= target[k] * (row[k] - largest - std::log(sum_exp));
      gradient[n * classes + k] = gradient_scale * (std::exp(row[k] - largest) / sum_exp * sum_target - target[k]);
    }
  }
  store({total / static_cast<double>(samples)}, op.loss);
  store(gradient, op.dlogits);
}

}  // namespace mcnn::ref
