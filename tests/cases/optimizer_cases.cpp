// Optimizers: several parameters of unlike sizes in one call, early and late steps.
#include <limits>
#include <optional>

#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

// One is longer than a chunk of any backend.
const std::vector<Shape> kParameters = {{24, 144}, {5, 5, 20}, {17}, {1}, {130, 130}};

StepState at_step(uint32_t step) { return {.seed = 7, .step = step, .learning_rate = 0.1f}; }

/// One slot per shape, every second without weight decay. The first and second moments start from `m` and `v`.
std::vector<OptimizerSlot> slots(Workspace& s, const Values& gradient, const Values& m, const Values& v) {
  std::vector<OptimizerSlot> made;
  for (std::size_t i = 0; i < kParameters.size(); ++i) {
    const Shape& shape = kParameters[i];
    OptimizerSlot slot;
    slot.value = s.parameter_updated(fmt::format("value {}", i), shape, normal());
    slot.gradient = s.parameter(shape, gradient);
    slot.m = s.parameter_updated(fmt::format("m {}", i), shape, m);
    if (v) slot.v = s.parameter_updated(fmt::format("v {}", i), shape, v);
    slot.decay = i % 2 == 0;
    made.push_back(slot);
  }
  return made;
}

Case adamw(const char* name, AdamW options, uint32_t step, const Values& m, const Values& v, double clip = 1.0,
           const Values& gradient = normal()) {
  return {"adamw", name, 0,
          [=](Workspace& s) -> Run {
            const Tensor factor = s.parameter({1}, cycle({clip}));
            return [=, parameters = slots(s, gradient, m, v)](Ops& ops) mutable { ops.adamw(options, factor, parameters); };
          },
          at_step(step)};
}

Case sgd(const char* name, Sgd options, uint32_t step, const Values& m, double clip = 1.0, const Values& gradient = normal()) {
  return {"sgd", name, 0,
          [=](Workspace& s) -> Run {
            const Tensor factor = s.parameter({1}, cycle({clip}));
            return [=, parameters = slots(s, gradient, m, {})](Ops& ops) mutable { ops.sgd(options, factor, parameters); };
          },
          at_step(step)};
}

Case gradient_norm(const char* name, const std::vector<Shape>& shapes, const Values& values, float max_norm, float loss_scale = 1.f) {
  return {"gradient_norm",
          name,
          0,
          [=](Workspace& s) -> Run {
            std::vector<Tensor> gradients;
            for (const Shape& shape : shapes) gradients.push_back(s.parameter(shape, values));
            Tensor norm = s.parameter_output("norm", {1}), clip = s.parameter_output("clip", {1});
            return [=](Ops& ops) mutable { ops.gradient_norm(gradients, max_norm, norm, clip); };
          },
          {.seed = 7, .step = 3, .loss_scale = loss_scale}};
}

Case ema(const char* name, float decay, std::optional<double> clip = {}) {
  return {"ema", name, 0, [=](Workspace& s) -> Run {
            const Tensor factor = clip ? s.parameter({1}, cycle({*clip})) : Tensor();
            std::vector<Tensor> values, averages;
            for (const Shape& shape : kParameters) {
              values.push_back(s.parameter(shape, normal()));
              averages.push_back(s.parameter_updated(fmt::format("average {}", averages.size()), shape, normal()));
            }
            return [=](Ops& ops) mutable { ops.ema(decay, factor, values, averages); };
          }};
}

}  // namespace

std::vector<Case> optimizer_cases() {
  const Values zero = cycle({0}), nan = cycle({std::numeric_limits<double>::quiet_NaN()});
  const Values first = normal(0.1), second = uniform(1e-4, 0.1);
  return {
      gradient_norm("not clipped: norm below the limit", kParameters, normal(0.001), 1.f),
      gradient_norm("clipped", kParameters, normal(), 1.f),
      gradient_norm("no limit", kParameters, normal(), 0.f),
      gradient_norm("all zero", kParameters, zero, 1.f),
      gradient_norm("squares that overflow fp32", kParameters, normal(1e20), 1.f),
      gradient_norm("squares that underflow fp32", kParameters, normal(1e-24), 0.f),
      gradient_norm("one long tensor", {{300000}}, normal(), 1.f),
      gradient_norm("clipped after the loss scale is taken out", kParameters, normal(4096), 1.f, 65536.f),
      gradient_norm("loss scale, no limit", kParameters, normal(4096), 0.f, 65536.f),
      adamw("first step", {.weight_decay = 0.01f}, 0, zero, zero),
      adamw("fourth step: bias correction", {.weight_decay = 0.01f}, 3, first, second),
      adamw("late step: no bias left", {.weight_decay = 0.01f}, 1000000, first, second),
      adamw("no weight decay", {}, 3, first, second),
      adamw("clipped gradient", {.weight_decay = 0.01f}, 3, first, second, 0.01),
      adamw("other betas, large eps", {.beta1 = 0.5f, .beta2 = 0.9f, .eps = 0.1f, .weight_decay = 0.1f}, 7, first, second),
      adamw("clip 0, gradient NaN: nothing changes", {.weight_decay = 0.01f}, 3, first, second, 0, nan),
      sgd("first step: m's old content does not count", {.weight_decay = 0.01f}, 0, nan),
      sgd("momentum", {.weight_decay = 0.01f}, 3, first),
      sgd("Nesterov", {.weight_decay = 0.01f, .nesterov = true}, 3, first),
      sgd("Nesterov, first step", {.weight_decay = 0.01f, .nesterov = true}, 0, nan),
      sgd("no momentum", {.momentum = 0.f}, 3, first),
      sgd("clipped gradient", {.weight_decay = 0.01f}, 3, first, 0.01),
      sgd("clip 0, gradient NaN: nothing changes", {.weight_decay = 0.01f}, 3, first, 0, nan),
      ema("decay 0.9999", 0.9999f),
      ema("decay 0: the value itself", 0.f),
      ema("after a step that was taken", 0.5f, 0.25),
      ema("after a step that overflowed: nothing changes", 0.5f, 0.0),
  };
}

}  // namespace mcnn::cases
