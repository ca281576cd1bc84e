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

NetworkSpec small(const char* padding, Family family = Family::efficientnet, bool frozen = false) {
  return {.name = "small",
          .family = family,
          .width = 0.25,
          .depth = 0.5,
          .classes = 5,
          .padding = Padding::parse(padding),
          .bn_eps = 1e-3f,
          .frozen_norm = frozen,
          .dropout = 0.3f,
          .drop_path = 0.4f};
}

/// The classifier, and no dropout, reads the layer before it.
NetworkSpec undropped(NetworkSpec spec) {
  spec.dropout = spec.drop_path = 0;
  return spec;
}

class NetworkGradient : public testing::TestWithParam<Variant> {};

/// Forward, and backward if asked: a program that is built once and run at every loss.
class Loss {
 public:
  Loss(Parameters& parameters, const Model& model, const Tensor& images, const Tensor& targets, bool backward)
      : ops_(parameters.ops()), workspace_(ops_.memory()) {
    Tape tape(backward);
    const Context ctx = Context::of(program_, tape, parameters, DType::f64, true);
    loss_ = cross_entropy(ctx, model.forward(ctx, images), targets, 0.1f);
    program_.keep(loss_);
    if (backward) tape.backward();
    program_.plan();
    workspace_.fill_fresh(true);
    program_.place(workspace_);
  }
  double operator()() {
    ops_.begin_step({.seed = 3, .step = 7});
    program_.run(ops_);
    return scalar(ops_, program_.placed(loss_));
  }

 private:
  Ops& ops_;
  Workspace workspace_;
  Program program_;
  Tensor loss_;
};

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
  constexpr int64_t kBatch = 3;
  Tensor images = arena.tensor({kBatch, v.height, v.width, 3}, DType::f64);
  for (int64_t i = 0; i < images.size(); ++i) images.data<double>()[i] = 4.0 * random.uniform(draw++) - 2.0;
  Tensor targets = arena.tensor({kBatch, 5}, DType::f64);
  ops->run(Fill{targets, 0.f});
  for (int64_t n = 0; n < kBatch; ++n) targets.data<double>()[n * 5 + n] = 1.0;

  Loss(parameters, model, images, targets, true)();
  Loss loss(parameters, model, images, targets, false);
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
      const double moved_loss = loss();
      for (std::size_t i = 0; i < direction.size(); ++i) t.value.data<double>()[i] -= by * direction[i];
      return moved_loss;
    };
    const double measured = (moved(v.step) - moved(-v.step)) / (2 * v.step);
    // The loss carries some 1e-14 of rounding; curvature adds its share.
    EXPECT_NEAR(measured, slope, 1e-5 * std::sqrt(size) * std::sqrt(static_cast<double>(direction.size())) + 2e-14 / v.step) << t.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NetworkGradient,
                         testing::Values(Variant{"same", small("same"), 33, 40}, Variant{"symmetric", small("symmetric"), 64, 64},
                                         Variant{"same_fixed", small("same:64x64"), 70, 53},
                                         Variant{"lite", small("same", Family::efficientnet_lite), 64, 48, 1e-8},
                                         Variant{"frozen", small("same", Family::efficientnet, true), 32, 32},
                                         Variant{"v2", small("same", Family::efficientnet_v2), 45, 40},
                                         Variant{"v2_frozen", small("symmetric", Family::efficientnet_v2, true), 32, 32},
                                         Variant{"mobilenet_v3", small("same", Family::mobilenet_v3), 48, 64, 1e-8},
                                         Variant{"mobilenet_v3_undropped", undropped(small("symmetric", Family::mobilenet_v3)), 64, 48,
                                                 1e-8}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mcnn
