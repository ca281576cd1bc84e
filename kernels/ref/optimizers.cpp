// One step of each optimizer and of the moving average.  Contract and formulas: kernels/operations/optimizers.h.
#include <algorithm>
#include <cmath>

#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(GradientNorm& op) {
  double squares = 0.0;
  for (const double g : load(op.gradients)) squares += g * g;
  const double length = std::sqrt(squares) / state_.loss_scale;
  const double factor = op.max_norm == 0.f ? 1.0 : std::min(1.0, static_cast<double>(op.max_norm) / (length + 1e-6));
  store({length}, op.norm);
  store({std::isfinite(static_cast<float>(length)) ? factor / state_.loss_scale : 0.0}, op.clip);
}

void RefOps::execute(AdamW& op) {
  const double lr = state_.learning_rate, factor = load(op.clip)[0], t = state_.step + 1.0;
  if (factor == 0.0) return;
  const double beta1 = op.beta1, beta2 = op.beta2, eps = op.eps;
  const Reals gradient = load(op.gradients);
  Reals w = load(op.values), m = load(op.m), v = load(op.v);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double g = factor * gradient[i], decay = static_cast<int64_t>(i) < op.decayed ? op.weight_decay : 0.0;
    w[i] *= 1.0 - lr * decay;
    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
    w[i] -= lr * (m[i] / (1.0 - std::pow(beta1, t))) / (std::sqrt(v[i] / (1.0 - std::pow(beta2, t))) + eps);
  }
  store(w, op.values);
  store(m, op.m);
  store(v, op.v);
}

void RefOps::execute(Sgd& op) {
  const double lr = state_.learning_rate, factor = load(op.clip)[0], momentum = op.momentum;
  if (factor == 0.0) return;
  const Reals gradient = load(op.gradients);
  Reals w = load(op.values), m = load(op.m);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double decay = static_cast<int64_t>(i) < op.decayed ? op.weight_decay : 0.0, g = factor * gradient[i] + decay * w[i];
    m[i] = state_.step == 0 ? g : momentum * m[i] + g;
    w[i] -= lr * (op.nesterov ? g + momentum * m[i] : m[i]);
  }
  store(w, op.values);
  store(m, op.m);
}

void RefOps::execute(Ema& op) {
  if (op.clip && load(op.clip)[0] == 0.0) return;
  const Reals value = load(op.values);
  Reals average = load(op.averages);
  for (std::size_t i = 0; i < value.size(); ++i) average[i] = op.decay * average[i] + (1.0 - op.decay) * value[i];
  store(average, op.averages);
}

}  // namespace mcnn::ref
