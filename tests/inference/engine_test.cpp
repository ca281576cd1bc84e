// A whole network's training step and evaluation: cpu against ref, and what must not depend on threads, steps or batches.
#include "inference/engine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/cases/compare.h"
#include "tests/golden/exempt.h"
#include "tests/train/message.h"
#include "tests/train/small_network.h"

namespace mcnn {
namespace {

// Of a whole network, as in the comparison with PyTorch (tests/golden): rounding errors of 18 blocks add up.
constexpr double kLogits = 1e-4, kGradients = 1e-3;

struct Step {
  double loss;
  std::map<std::string, std::vector<float>> gradients, statistics;
};

Step training_step(const std::string& device, const NetworkSpec& spec, const Batch& batch, int threads = 1, uint32_t number = 3,
                   DType storage = DType::f32) {
  const auto ops = make_backend(device, threads).ops;
  Engine engine(*ops, spec, {}, true, storage);
  random_start(engine);
  Step step{engine.gradients(batch, {.seed = 11, .step = number}, 0.1f), {}, {}};
  for (const NamedTensor& t : engine.parameters().tensors())
    (t.trainable ? step.gradients : step.statistics)[t.name] = to_floats(*ops, t.trainable ? t.gradient : t.value);
  return step;
}

std::string disagreement(const std::string& name, const std::vector<float>& found, const std::vector<float>& reference, double tolerance) {
  const auto output = [&](const std::vector<float>& v) { return cases::Output{name, std::vector<double>(v.begin(), v.end()), tolerance}; };
  return cases::disagreement(output(found), output(reference));
}

double norm_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  return std::sqrt(squares);
}

void expect_step_as_in_ref(const NetworkSpec& spec, const Batch& batch, const std::string& device = "cpu") {
  const Step found = training_step(device, spec, batch), reference = training_step("ref", spec, batch);
  const std::set<std::string> betas = exempt_tensors(build_network(spec)).betas;
  EXPECT_NEAR(found.loss / reference.loss, 1.0, kLogits);
  ASSERT_EQ(found.gradients.size(), reference.gradients.size());
  for (const auto& [name, gradient] : reference.gradients) {
    const double scale_of_noise = betas.contains(name) ? norm_of(reference.gradients.at(name.substr(0, name.size() - 4) + "weight")) : 0.0;
    // Zero in exact arithmetic, unless drop-path took a sample out of the block: then the beta shows.
    if (norm_of(gradient) < 1e-10 * scale_of_noise)
      EXPECT_LE(norm_of(found.gradients.at(name)), 1e-4 * scale_of_noise) << name;
    else
      EXPECT_EQ(disagreement(name, found.gradients.at(name), gradient, kGradients), "");
  }
  for (const auto& [name, values] : reference.statistics) EXPECT_EQ(disagreement(name, found.statistics.at(name), values, kLogits), "");
}

TEST(Engine, TrainingStepIsRefs) { expect_step_as_in_ref(small_spec(), random_batch(4, 64, 64)); }
TEST(Engine, TrainingStepOfOddSizesIsRefs) { expect_step_as_in_ref(small_spec(), random_batch(5, 47, 61)); }
TEST(Engine, TrainingStepOfLiteIsRefs) { expect_step_as_in_ref(small_spec("lite0"), random_batch(4, 48, 64)); }
// The CUDA kernels.
TEST(Engine, TrainingStepOnSimIsRefs) { expect_step_as_in_ref(small_spec(), random_batch(3, 41, 32), "sim"); }
TEST(Engine, TrainingStepOfLiteOnSimIsRefs) { expect_step_as_in_ref(small_spec("lite0"), random_batch(4, 48, 64), "sim"); }

/// Fewer blocks: for the emulator's time, and for V2-S in evaluation, where the running statistics of a random start fit nothing, so
/// that values, and rounding errors with them, grow over its forty blocks.
NetworkSpec short_spec(std::string_view published) {
  NetworkSpec spec = small_spec(published);
  spec.depth = 0.2;
  return spec;
}
class OtherFamilies : public testing::TestWithParam<const char*> {};
TEST_P(OtherFamilies, TrainingStepIsRefs) { expect_step_as_in_ref(small_spec(GetParam()), random_batch(4, 64, 48)); }
TEST_P(OtherFamilies, TrainingStepOnSimIsRefs) { expect_step_as_in_ref(short_spec(GetParam()), random_batch(3, 41, 32), "sim"); }
INSTANTIATE_TEST_SUITE_P(Networks, OtherFamilies, testing::Values("efficientnetv2_s", "mobilenetv3_large"),
                         [](const auto& test) { return std::string(test.param); });

/// All gradients as one vector: |found - reference| / |reference|.
double distance(const Step& found, const Step& reference) {
  double squares = 0, reference_squares = 0;
  for (const auto& [name, gradient] : reference.gradients)
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      squares += std::pow(static_cast<double>(found.gradients.at(name)[i]) - gradient[i], 2);
      reference_squares += std::pow(static_cast<double>(gradient[i]), 2);
    }
  return std::sqrt(squares / reference_squares);
}

// How far eighteen blocks amplify rounding to 24 bits, the fp32 step says; rounding to 11 and to 8 bits may go 2^13 and 2^16
// times as far.
TEST(Engine, NarrowStorageLeavesTheStepsDirection) {
  NetworkSpec spec = small_spec();
  spec.drop_path = 0.f;
  const Batch batch = random_batch(4, 48, 64);
  const Step reference = training_step("ref", spec, batch);
  const double amplified = distance(training_step("sim", spec, batch), reference);
  EXPECT_LT(amplified, 1e-4);
  for (const auto& [device, storage, coarser] :
       {std::tuple("sim", DType::f16, 0x1p13), {"sim", DType::bf16, 0x1p16}, {"cpu", DType::bf16, 0x1p16}}) {
    SCOPED_TRACE(device);
    const Step step = training_step(device, spec, batch, 1, 3, storage);
    EXPECT_LT(distance(step, reference), coarser * amplified) << name_of(storage);
    EXPECT_NEAR(step.loss / reference.loss, 1.0, coarser * amplified) << name_of(storage);
    EXPECT_GT(distance(step, reference), 100 * amplified) << name_of(storage) << ": nothing was rounded";
  }
}

TEST(Engine, StorageThatABackendLacksIsRefused) {
  EXPECT_TRUE(says(message_of([] { training_step("cpu", small_spec(), random_batch(2, 32, 32), 1, 3, DType::f16); }),
                   {"backend cpu (", "does not store feature maps as f16"}));
}

TEST(Engine, TrainingStepWithFrozenNormIsRefs) {
  NetworkSpec spec = small_spec();
  spec.frozen_norm = true;
  const Batch batch = random_batch(1, 33, 40);
  const Step found = training_step("cpu", spec, batch), reference = training_step("ref", spec, batch);
  for (const auto& [name, gradient] : reference.gradients)
    EXPECT_EQ(disagreement(name, found.gradients.at(name), gradient, kGradients), "");
  EXPECT_EQ(found.statistics, reference.statistics);  // kept as they were
}

TEST(Engine, DropoutAndDropPathAreDrawnAnewEveryStep) {
  const Batch batch = random_batch(4, 32, 32);
  const Step step = training_step("cpu", small_spec(), batch, 1, 3);
  EXPECT_EQ(training_step("cpu", small_spec(), batch, 1, 3).gradients, step.gradients);
  EXPECT_NE(training_step("cpu", small_spec(), batch, 1, 4).loss, step.loss);
  for (float NetworkSpec::*rate : {&NetworkSpec::dropout, &NetworkSpec::drop_path}) {
    NetworkSpec without = small_spec();
    without.*rate = 0.f;
    EXPECT_NE(training_step("cpu", without, batch, 1, 3).loss, step.loss);
  }
}

class EngineThreads : public testing::TestWithParam<const char*> {};

TEST_P(EngineThreads, DoNotChangeABit) {
  const Batch batch = random_batch(6, 64, 72);
  const NetworkSpec spec = small_spec(GetParam());
  const Step one = training_step("cpu", spec, batch, 1);
  for (const int threads : {2, 3}) {
    const Step several = training_step("cpu", spec, batch, threads);
    EXPECT_EQ(several.loss, one.loss) << threads;
    for (const auto& [name, gradient] : one.gradients)
      EXPECT_EQ(several.gradients.at(name), gradient) << name << ", " << threads << " threads";
    for (const auto& [name, values] : one.statistics)
      EXPECT_EQ(several.statistics.at(name), values) << name << ", " << threads << " threads";
  }
}
INSTANTIATE_TEST_SUITE_P(Networks, EngineThreads, testing::Values("b0", "lite0", "efficientnetv2_s", "mobilenetv3_large"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Engine, ASecondStepTakesNoNewMemory) {
  const auto ops = make_backend("cpu", 1).ops;
  Engine engine(*ops, small_spec(), {}, true);
  random_start(engine);
  const Batch batch = random_batch(4, 40, 40);
  engine.gradients(batch, {.step = 0}, 0.1f);
  const std::size_t bytes = engine.workspace().bytes();
  EXPECT_GT(bytes, std::size_t{0});
  engine.gradients(batch, {.step = 1}, 0.1f);
  EXPECT_EQ(engine.workspace().bytes(), bytes);
  engine.logits(batch);
  EXPECT_EQ(engine.workspace().bytes(), bytes) << "evaluation needs no more than training";
}

std::vector<float> logits_of(const std::string& device, const NetworkSpec& spec, const Batch& batch, int threads = 1) {
  const auto ops = make_backend(device, threads).ops;
  Engine engine(*ops, spec, {}, false);
  random_start(engine);
  return engine.logits(batch);
}

TEST(EngineEvaluation, IsRefsForOnePhotoOfAnySize) {
  for (const auto& [h, w] : {std::pair(32, 32), std::pair(33, 47), std::pair(17, 65), std::pair(9, 8)})
    for (const NetworkSpec& spec : {small_spec(), small_spec("lite0"), short_spec("efficientnetv2_s"), small_spec("mobilenetv3_large")}) {
      const Batch batch = random_batch(1, h, w, 5);
      EXPECT_EQ(
          disagreement(fmt::format("{}x{} {}", h, w, spec.name), logits_of("cpu", spec, batch), logits_of("ref", spec, batch), kLogits),
          "");
    }
}

TEST(EngineEvaluation, PhotosOfABatchDoNotSeeEachOther) {
  const Batch three = random_batch(3, 40, 32, 9);
  const std::vector<float> together = logits_of("cpu", small_spec(), three);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto pixels = static_cast<std::ptrdiff_t>(three.pixels.size() / 3);
    Batch alone{.n = 1, .h = 40, .w = 32};
    alone.pixels.assign(three.pixels.begin() + static_cast<std::ptrdiff_t>(i) * pixels,
                        three.pixels.begin() + static_cast<std::ptrdiff_t>(i + 1) * pixels);
    alone.flips = {three.flips[i]};
    const std::vector<float> row(together.begin() + static_cast<std::ptrdiff_t>(i) * 5,
                                 together.begin() + static_cast<std::ptrdiff_t>(i + 1) * 5);
    EXPECT_EQ(disagreement(fmt::format("photo {}", i), logits_of("cpu", small_spec(), alone), row, kLogits), "");
  }
  EXPECT_EQ(logits_of("cpu", small_spec(), three, 2), together) << "for 2 threads";
}

TEST(EngineEvaluation, AFlipIsTheMirroredPhoto) {
  Batch flipped = random_batch(1, 32, 40, 3), mirrored = flipped;
  flipped.flips = {1};
  mirrored.flips = {0};
  for (std::size_t y = 0; y < 32; ++y)
    for (std::size_t x = 0; x < 40; ++x)
      for (std::size_t c = 0; c < 3; ++c) mirrored.pixels[(y * 40 + x) * 3 + c] = flipped.pixels[(y * 40 + 39 - x) * 3 + c];
  EXPECT_EQ(logits_of("cpu", small_spec(), flipped), logits_of("cpu", small_spec(), mirrored));
  flipped.flips = {0};
  EXPECT_NE(logits_of("cpu", small_spec(), flipped), logits_of("cpu", small_spec(), mirrored));
}

TEST(Engine, OneValuePerChannelCannotBeTrainedOn) {
  EXPECT_TRUE(says(message_of([] { training_step("cpu", small_spec(), random_batch(1, 32, 32)); }), {"use a larger batch or image"}));
}

}  // namespace
}  // namespace mcnn
