// The whole network's gradients against central differences, in double on ref: every closure on the tape and every form
// of gradient, in the order in which a real network runs them.
#include <gtest/gtest.h>

#include <cmath>

#include "models/model.h"
#include "runtime/philox.h"

namespace mcnn {
namespace {

struct Variant {
  const char* name;
  NetworkSpec spec;
  int64_t height, width;
  double step = 1e-6;  ///< of the difference; smaller where ReLU6's kinks are within reach
};

NetworkSpec small(const char* padding, bool lite = false, bool frozen = false) {
  return {.name = "small",
          .family = lite ? Family::efficientnet_lite : Family::efficientnet,
          .width = 0.25,
          .depth = 0.5,
          .classes = 5,
          .padding = Padding::parse(padding),
          .bn_eps = 1e-3f,
          .frozen_norm = frozen,
          .dropout = 0.3f,
          .drop_path = 0.4f};
}

class NetworkGradient : public testing::TestWithParam<Variant> {};

double loss_of(Ops& ops, Arena& arena, const Model& model, const Tensor& images, const Tensor& targets, bool backward) {
  Tape tape(backward);
  const Context ctx{&ops, &arena, &tape, DType::f64, true};
  ops.begin_step({.seed = 3, .step = 7});
  const Logits logits = model.forward(ctx, images);
  const Tensor loss = cross_entropy(ctx, logits, targets, 0.1f);
  if (backward) tape.backward();
  return scalar(ops, loss);
}

TEST_P(NetworkGradient, AgreesWithFiniteDifferences) {
  const Variant& v = GetParam();
  const auto ops = make_ref_ops();
  Parameters parameters(*ops, true);
  const Model model(v.spec, parameters);
  initialise(parameters, 1);
  const Philox random{5};
  uint64_t draw = 0;
  for (NamedTensor& t : parameters.tensors()) {  // away from the symmetric start: betas 0, gammas 1, biases 0
    if (t.kind != WeightKind::vector) continue;
    for (int64_t i = 0; i < t.value.size(); ++i) t.value.data<double>()[i] += 0.3 * random.uniform(draw++);
  }
  Arena arena(ops->memory());
  arena.fill_fresh(true);
  constexpr int64_t kBatch = 3;
  Tensor images = arena.tensor({kBatch, v.height, v.width, 3}, DType::f64);
  for (int64_t i = 0; i < images.size(); ++i) images.data<double>()[i] = 4.0 * random.uniform(draw++) - 2.0;
  Tensor targets = arena.tensor({kBatch, 5}, DType::f64);
  ops->fill(targets, 0.f);
  for (int64_t n = 0; n < kBatch; ++n) targets.data<double>()[n * 5 + n] = 1.0;

  loss_of(*ops, arena, model, images, targets, true);
  for (NamedTensor& t : parameters.tensors()) {
    if (!t.trainable) continue;
    // One random direction per tensor: d loss / d step along it is the dot product with the gradient.
    std::vector<double> direction(static_cast<std::size_t>(t.value.size()));
    double slope = 0, size = 0;
    for (std::size_t i = 0; i < direction.size(); ++i) {
      direction[i] = 2.0 * random.uniform(draw++) - 1.0;
      slope += direction[i] * t.gradient.data<double>()[i];
      size += std::pow(t.gradient.data<double>()[i], 2);
    }
    const std::vector<double> gradient(t.gradient.data<double>(), t.gradient.data<double>() + t.gradient.size());
    const auto moved = [&](double by) {
      for (std::size_t i = 0; i < direction.size(); ++i) t.value.data<double>()[i] += by * direction[i];
      const double loss = loss_of(*ops, arena, model, images, targets, false);
      for (std::size_t i = 0; i < direction.size(); ++i) t.value.data<double>()[i] -= by * direction[i];
      return loss;
    };
    const double measured = (moved(v.step) - moved(-v.step)) / (2 * v.step);
    // The loss carries some 1e-14 of rounding; curvature adds its share.
    EXPECT_NEAR(measured, slope, 1e-5 * std::sqrt(size) * std::sqrt(static_cast<double>(direction.size())) + 2e-14 / v.step) << t.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NetworkGradient,
                         testing::Values(Variant{"same", small("same"), 33, 40}, Variant{"symmetric", small("symmetric"), 64, 64},
                                         Variant{"same_fixed", small("same:64x64"), 70, 53},
                                         Variant{"lite", small("same", true), 64, 48, 1e-8},
                                         Variant{"frozen", small("same", false, true), 32, 32}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mcnn
