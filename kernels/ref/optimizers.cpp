// One step of each optimizer, and of the average over steps.  Contract and formulas: kernels/ops.h.
#include <algorithm>
#include <cmath>

#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) {
  double squares = 0.0;
  for (const Tensor& gradient : gradients)
    for (const double g : load(gradient)) squares += g * g;
  const double length = std::sqrt(squares) / state_.loss_scale;
  const double factor = max_norm == 0.f ? 1.0 : std::min(1.0, static_cast<double>(max_norm) / (length + 1e-6));
  store({length}, norm);
  store({std::isfinite(static_cast<float>(length)) ? factor / state_.loss_scale : 0.0}, clip);
}

void RefOps::adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) {
  const double lr = state_.learning_rate, factor = load(clip)[0], t = state_.step + 1.0;
  if (factor == 0.0) return;
  const double beta1 = options.beta1, beta2 = options.beta2, eps = options.eps;
  for (OptimizerSlot& slot : slots) {
    const double decay = slot.decay ? options.weight_decay : 0.0;
    const Reals gradient = load(slot.gradient);
    Reals w = load(slot.value), m = load(slot.m), v = load(slot.v);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = factor * gradient[i];
      w[i] *= 1.0 - lr * decay;
      m[i] = beta1 * m[i] + (1.0 - beta1) * g;
      v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
      w[i] -= lr * (m[i] / (1.0 - std::pow(beta1, t))) / (std::sqrt(v[i] / (1.0 - std::pow(beta2, t))) + eps);
    }
    store(w, slot.value);
    store(m, slot.m);
    store(v, slot.v);
  }
}

void RefOps::sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) {
  const double lr = state_.learning_rate, factor = load(clip)[0], momentum = options.momentum;
  if (factor == 0.0) return;
  for (OptimizerSlot& slot : slots) {
    const double decay = slot.decay ? options.weight_decay : 0.0;
    const Reals gradient = load(slot.gradient);
    Reals w = load(slot.value), m = load(slot.m);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = factor * gradient[i] + decay * w[i];
      m[i] = state_.step == 0 ? g : momentum * m[i] + g;
      w[i] -= lr * (options.nesterov ? g + momentum * m[i] : m[i]);
    }
    store(w, slot.value);
    store(m, slot.m);
  }
}

void RefOps::ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) {
  if (clip && load(clip)[0] == 0.0) return;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const Reals value = load(values[k]);
    Reals average = load(averages[k]);
    for (std::size_t i = 0; i < value.size(); ++i) average[i] = decay * average[i] + (1.0 - decay) * value[i];
    store(average, averages[k]);
  }
}

}  // namespace mcnn::ref
