#include "train/optimizer.h"

namespace mcnn {

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : ops_(parameters.ops()), arena_(ops_.memory()), options_(options) {
  const auto zeros = [&](const Shape& shape) {
    Tensor t = arena_.tensor(shape, ops_.parameter_type());
    ops_.fill(t, 0.f);
    return t;
  };
  const bool second_moment = options.name == "adamw";
  for (NamedTensor& t : parameters.tensors()) {
    if (t.trainable) {
      const bool decay = options.decay_norm_and_bias || t.kind != WeightKind::vector;
      slots_.push_back({t.value, t.gradient, zeros(t.value.shape()), second_moment ? zeros(t.value.shape()) : Tensor(), decay});
      gradients_.push_back(t.gradient);
      trained_.push_back(&t);
    }
    if (options.ema > 0) {
      averaged_.push_back(&t);
      values_.push_back(t.value);
      averages_.push_back(zeros(t.value.shape()));
    }
  }
  norm_ = zeros({1});
  clip_ = zeros({1});
  ops_.ema(0.f, {}, values_, averages_);  // averages = values
}

void Optimizer::update(Tensor& norm) {
  ops_.gradient_norm(gradients_, static_cast<float>(options_.clip_norm), norm, clip_);
  if (options_.name == "adamw") {
    ops_.adamw({.weight_decay = static_cast<float>(options_.weight_decay)}, clip_, slots_);
  } else {
    ops_.sgd({.momentum = static_cast<float>(options_.momentum), .weight_decay = static_cast<float>(options_.weight_decay)}, clip_, slots_);
  }
  // A step that overflowed left the weights as they were, and is not averaged.
  if (!averages_.empty()) ops_.ema(static_cast<float>(options_.ema), clip_, values_, averages_);
}

double Optimizer::step() {
  update(norm_);
  return scalar(ops_, norm_);
}

void Optimizer::swap_averages() {
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    std::swap(values_[i], averages_[i]);
    averaged_[i]->value = values_[i];
  }
}

std::vector<Optimizer::State> Optimizer::state() const {
  std::vector<State> all;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    all.push_back({"m." + trained_[i]->name, trained_[i], slots_[i].m});
    if (slots_[i].v) all.push_back({"v." + trained_[i]->name, trained_[i], slots_[i].v});
  }
  for (std::size_t i = 0; i < averages_.size(); ++i) all.push_back({"ema." + averaged_[i]->name, averaged_[i], averages_[i]});
  return all;
}

}  // namespace mcnn
