// Optimizers: ranges that end inside pieces and vectors, early and late steps.
#include <limits>
#include <optional>

#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

constexpr int64_t kElements = 20011;          // longer than a piece of any backend, no multiple of a vector
constexpr int64_t kDecayed = 3 * 4096 + 137;  // not where a piece or a vector begins

StepState at_step(uint32_t step) { return {.seed = 7, .step = step, .learning_rate = 0.1f}; }

/// `options`: its operands are filled in.
Case adamw(const char* name, AdamW options, uint32_t step, const Values& m, const Values& v, double clip = 1.0,
           const Values& gradient = normal()) {
  return {"adamw", name,
          [=](Workspace& s) -> AnyOperation {
            AdamW op = options;
            op.clip = s.parameter({1}, cycle({clip}));
            op.values = s.parameter_updated("values", {kElements}, normal());
            op.gradients = s.parameter({kElements}, gradient);
            op.m = s.parameter_updated("m", {kElements}, m);
            op.v = s.parameter_updated("v", {kElements}, v);
            op.decayed = kDecayed;
            return op;
          },
          at_step(step)};
}

Case sgd(const char* name, Sgd options, uint32_t step, const Values& m, double clip = 1.0, const Values& gradient = normal()) {
  return {"sgd", name,
          [=](Workspace& s) -> AnyOperation {
            Sgd op = options;
            op.clip = s.parameter({1}, cycle({clip}));
            op.values = s.parameter_updated("values", {kElements}, normal());
            op.gradients = s.parameter({kElements}, gradient);
            op.m = s.parameter_updated("m", {kElements}, m);
            op.decayed = kDecayed;
            return op;
          },
          at_step(step)};
}

Case gradient_norm(const char* name, int64_t elements, const Values& values, float max_norm, float loss_scale = 1.f) {
  return {
      "gradient_norm",
      name,
      [=](Workspace& s) -> AnyOperation {
        return GradientNorm{s.parameter({elements}, values), max_norm, s.parameter_output("norm", {1}), s.parameter_output("clip", {1})};
      },
      {.seed = 7, .step = 3, .loss_scale = loss_scale}};
}

Case ema(const char* name, float decay, std::optional<double> clip = {}, int64_t elements = kElements) {
  return {"ema", name, [=](Workspace& s) -> AnyOperation {
            const Tensor factor = clip ? s.parameter({1}, cycle({*clip})) : Tensor();
            return Ema{decay, factor, s.parameter({elements}, normal()), s.parameter_updated("averages", {elements}, normal())};
          }};
}

Case store_weights(const char* name, int64_t elements, const Values& values) {
  return {"store_weights", name, [=](Workspace& s) -> AnyOperation {
            return StoreWeights{s.parameter({elements}, values), s.feature_output("stored", {elements})};
          }};
}

}  // namespace

std::vector<Case> optimizer_cases() {
  const Values zero = cycle({0}), nan = cycle({std::numeric_limits<double>::quiet_NaN()});
  const Values first = normal(0.1), second = uniform(1e-4, 0.1);
  return {
      gradient_norm("not clipped: norm below the limit", kElements, normal(0.001), 1.f),
      gradient_norm("clipped", kElements, normal(), 1.f),
      gradient_norm("no limit", kElements, normal(), 0.f),
      gradient_norm("all zero", kElements, zero, 1.f),
      gradient_norm("squares that overflow fp32", kElements, normal(1e20), 1.f),
      gradient_norm("squares that underflow fp32", kElements, normal(1e-24), 0.f),
      gradient_norm("one long tensor", 300000, normal(), 1.f),
      gradient_norm("clipped after the loss scale is taken out", kElements, normal(4096), 1.f, 65536.f),
      gradient_norm("loss scale, no limit", kElements, normal(4096), 0.f, 65536.f),
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
      gradient_norm("one element", 1, normal(), 1.f),
      ema("decay 0.9999", 0.9999f),
      ema("one element", 0.5f, {}, 1),
      ema("decay 0: the value itself", 0.f),
      ema("after a step that was taken", 0.5f, 0.25),
      ema("after a step that overflowed: nothing changes", 0.5f, 0.0),
      store_weights("many", kElements, normal()),
      store_weights("ends of the narrow types", 17, cycle({65504, -65504, 6e-5, 0, 1})),
  };
}

}  // namespace mcnn::cases
