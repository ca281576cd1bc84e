// Dropout, the classifier and its loss.
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

struct Linear {
  const char* name;
  int64_t n, in, out;
  bool dw = true, dx = true;
  Activation act = Activation::identity;
};

Case linear_forward(const Linear& row) {
  return {"linear_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const Tensor x = s.parameter({row.n, row.in}, normal());
            const Tensor w = s.parameter({row.in, row.out}, normal(1 / std::sqrt(row.in))), b = s.parameter({row.out}, normal());
            Tensor y = s.parameter_output("y", {row.n, row.out});
            return LinearForward{x, w, b, y, row.act};
          }};
}

Case linear_backward(const Linear& row) {
  return {"linear_backward", row.name, [row](Workspace& s) -> AnyOperation {
            const Tensor x = s.parameter({row.n, row.in}, normal());
            const Tensor w = s.parameter({row.in, row.out}, normal(1 / std::sqrt(row.in)));
            const Tensor dy = s.parameter({row.n, row.out}, normal());
            Tensor dw = row.dw ? s.parameter_output("dw", {row.in, row.out}) : Tensor();
            Tensor db = row.dw ? s.parameter_output("db", {row.out}) : Tensor();
            Tensor dx = row.dx ? s.parameter_output("dx", {row.n, row.in}) : Tensor();
            return LinearBackward{x, w, dy, 1.0f / 49, dw, db, dx, row.act};
          }};
}

struct Loss {
  const char* name;
  int64_t n, classes;
  float smoothing = 0.1f;
  bool gradient = true;
  Values logits = normal(2);
  Values targets = {};  // absent: one-hot, another class for each sample
  float loss_scale = 1.f;
};

Case cross_entropy(const Loss& row) {
  return {"cross_entropy",
          row.name,
          [row](Workspace& s) -> AnyOperation {
            const Shape shape = {row.n, row.classes};
            const auto classes = static_cast<uint64_t>(row.classes);
            const Values one_hot = [classes](const Philox&, uint64_t i) { return i % classes == 5 * (i / classes) % classes ? 1.0 : 0.0; };
            const Tensor logits = s.parameter(shape, row.logits), targets = s.parameter(shape, row.targets ? row.targets : one_hot);
            Tensor loss = s.parameter_output("loss", {1});
            Tensor dlogits = row.gradient ? s.parameter_output("dlogits", shape) : Tensor();
            return CrossEntropy{logits, targets, row.smoothing, loss, dlogits};
          },
          {.seed = 7, .step = 3, .loss_scale = row.loss_scale}};
}

Case dropout(const char* name, Shape shape, float drop, StepState step = {.seed = 7, .step = 3}) {
  return {"dropout", name,
          [=](Workspace& s) -> AnyOperation {
            const Tensor x = s.parameter(shape, normal());
            Tensor y = s.parameter_output("y", shape);
            return Dropout{x, 5, drop, y};
          },
          step};
}
Case dropout_activated(const char* name, Shape shape, Activation act, bool backward) {
  return {"dropout", name, [=](Workspace& s) -> AnyOperation {
            const Tensor x = s.parameter(shape, normal()), u = backward ? s.parameter(shape, normal(3)) : Tensor();
            Tensor y = s.parameter_output("y", shape);
            return Dropout{x, 5, 0.2f, y, act, u};
          }};
}

}  // namespace

std::vector<Case> head_cases() {
  std::vector<Case> cases = {
      dropout("two in five dropped", {8, 448}, 0.4f),
      dropout("a length no multiple of four", {3, 17}, 0.4f),
      dropout("one value", {1}, 0.4f),
      dropout("four axes", {2, 3, 5, 7}, 0.2f),
      dropout("nothing dropped", {2, 20}, 0.f),
      dropout_activated("x hard_swish", {3, 17}, Activation::hard_swish, false),
      dropout_activated("backward through hard_swish", {3, 17}, Activation::hard_swish, true),
      dropout_activated("backward through relu, whole vectors", {8, 48}, Activation::relu, true),
      dropout("seed beyond 32 bits, late step", {8, 48}, 0.5f, {.seed = 0x123456789abcdefull, .step = 4000000000u}),
  };
  const std::vector<Linear> both = {
      {"18 classes", 4, 448, 18},
      {"one class", 3, 48, 1},
      {"two classes", 3, 48, 2},
      {"17 classes", 3, 48, 17},
      {"19 classes", 3, 48, 19},
      {"1000 classes", 2, 112, 1000},
      {"one sample", 1, 48, 18},
      {"odd inputs", 5, 17, 18},
      {"more samples than a tile", 37, 20, 18},
      {"x hard_swish", 3, 320, 18, true, true, Activation::hard_swish},
      {"x relu, odd inputs", 5, 17, 19, true, true, Activation::relu},
  };
  for (const Linear& row : both) cases.push_back(linear_forward(row));
  for (const Linear& row : both) cases.push_back(linear_backward(row));
  cases.push_back(linear_backward({"frozen parameters: dw and db not wanted", 4, 48, 18, false, true}));
  cases.push_back(linear_backward({"frozen features: dx not wanted", 4, 48, 18, true, false}));

  const std::vector<Loss> losses = {
      {"18 classes", 4, 18},
      {"one class: no loss, no gradient", 3, 1},
      {"two classes", 3, 2},
      {"17 classes", 3, 17},
      {"19 classes", 3, 19},
      {"1000 classes", 2, 1000},
      {"no smoothing", 4, 18, 0.f},
      {"one sample", 1, 18},
      {"more samples than a tile", 37, 18},
      {"evaluation: no gradient wanted", 4, 18, 0.1f, false},
      {"soft targets that sum to one", 4, 4, 0.f, true, normal(2), cycle({0.7, 0.3, 0, 0})},
      {"soft targets that do not sum to one", 4, 4, 0.1f, true, normal(2), cycle({0.7, 0.7, 0, 0.2})},
      {"logits at which exp overflows", 4, 18, 0.1f, true, normal(300)},
      {"logits far from zero", 4, 18, 0.1f, true, normal(2, 64)},
      {"loss scale: in the gradient, not in the loss", 4, 18, 0.1f, true, normal(2), {}, 65536.f},
  };
  for (const Loss& row : losses) cases.push_back(cross_entropy(row));
  return cases;
}

}  // namespace mcnn::cases
