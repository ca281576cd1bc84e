#include "train/optimizer.h"

namespace mcnn {

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters), ops_(parameters.ops()), arena_(ops_.memory()), options_(options) {
  const auto zeros = [&](const Tensor& as) {
    Tensor t = arena_.tensor(as.shape(), as.dtype());
    ops_.run(Fill{t, 0.f});
    return t;
  };
  m_ = zeros(parameters.trained_values());
  if (options.name == "adamw") v_ = zeros(parameters.trained_values());
  if (options.ema <= 0) return;
  averages_ = zeros(parameters.values());
  ops_.run(Ema{.decay = 0.f, .values = parameters.values(), .averages = averages_});  // averages = values
}

void Optimizer::add_update(Program& program, const Tensor& norm) const {
  const Tensor clip = program.tensor({1}, parameters_.type()), values = parameters_.trained_values();
  const auto weight_decay = static_cast<float>(options_.weight_decay);
  const int64_t decayed = options_.decay_norm_and_bias ? values.size() : parameters_.decaying();
  program.set_layer("optimizer");
  program.add(GradientNorm{parameters_.gradients(), static_cast<float>(options_.clip_norm), norm, clip});
  if (options_.name == "adamw") {
    program.add(AdamW{.weight_decay = weight_decay,
                      .clip = clip,
                      .values = values,
                      .gradients = parameters_.gradients(),
                      .m = m_,
                      .v = v_,
                      .decayed = decayed});
  } else {
    program.add(Sgd{.momentum = static_cast<float>(options_.momentum),
                    .weight_decay = weight_decay,
                    .clip = clip,
                    .values = values,
                    .gradients = parameters_.gradients(),
                    .m = m_,
                    .decayed = decayed});
  }
  // After an overflow clip is 0, the weights are unchanged, and nothing is averaged.
  if (averages_) program.add(Ema{static_cast<float>(options_.ema), clip, parameters_.values(), averages_});
}

double Optimizer::step() {
  Program program;
  const Tensor norm = program.tensor({1}, parameters_.type());
  program.keep(norm);
  add_update(program, norm);
  Workspace workspace(ops_.memory());
  program.run_once(ops_, workspace);
  parameters_.changed();
  return scalar(ops_, program.placed(norm));
}

void Optimizer::swap_averages() {
  if (averages_) parameters_.swap_values(averages_);
}

std::vector<Optimizer::State> Optimizer::state() const {
  std::vector<State> all;
  const Parameters& parameters = parameters_;
  for (const NamedTensor& t : parameters.tensors()) {
    if (!t.trainable) continue;
    all.push_back({"m." + t.name, &t, parameters.part(m_, t)});
    if (v_) all.push_back({"v." + t.name, &t, parameters.part(v_, t)});
  }
  if (averages_)
    for (const NamedTensor& t : parameters.tensors()) all.push_back({"ema." + t.name, &t, parameters.part(averages_, t)});
  return all;
}

}  // namespace mcnn
