// What a run says about its network travels in the weights file and comes out unchanged.
#include "train/description.h"

#include <gtest/gtest.h>

#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"
#include "tests/train/small_network.h"
#include "weights/load.h"

namespace mcnn {
namespace {

ModelDescription through_a_file(const ModelDescription& d, std::vector<std::string>& notes) {
  const TemporaryFolder folder;
  const auto ops = make_backend("cpu", 1).ops;
  Engine engine(*ops, d.spec, d.normalisation, false);
  initialise(engine.parameters(), 1);
  save_weights(folder / "best.safetensors", engine.parameters(), metadata_of(d));
  return describe_file(open_tensor_file(folder / "best.safetensors"), {}, notes);
}

TEST(Description, OfARunSurvivesItsWeightsFile) {
  Config config;
  config.model.name = "lite1";
  config.model.width = 0.3;
  config.model.depth = 0.7;
  config.model.padding = "same:96x64";
  config.model.bn_eps = 2e-5;
  config.data.crop = 64;
  config.data.resize = 71;
  config.data.interpolation = "bilinear";
  config.data.mean = {0.1, 0.2, 0.3};
  config.data.std = {0.4, 0.5, 0.6};
  const std::vector<std::string> classes = {"wear/male/<30", "a \"quoted\", one", "ünï"};
  const ModelDescription run = describe_run(config, {}, classes);
  std::vector<std::string> notes;
  const ModelDescription file = through_a_file(run, notes);
  EXPECT_EQ(notes, std::vector<std::string>{}) << "nothing had to be guessed";
  EXPECT_EQ(file.spec.name, "lite1");
  EXPECT_EQ(file.spec.family, Family::efficientnet_lite);
  EXPECT_EQ(file.spec.width, 0.3);
  EXPECT_EQ(file.spec.depth, 0.7);
  EXPECT_EQ(file.spec.padding.str(), "same:96x64");
  EXPECT_EQ(file.spec.bn_eps, 2e-5f);
  EXPECT_EQ(file.spec.classes, 3);
  EXPECT_EQ(file.classes, classes);
  EXPECT_EQ(file.preprocess.crop, 64);
  EXPECT_EQ(file.preprocess.resize, 71);
  EXPECT_EQ(file.preprocess.interpolation, Interpolation::bilinear);
  EXPECT_EQ(file.normalisation.mean, run.normalisation.mean);
  EXPECT_EQ(file.normalisation.std, run.normalisation.std);
}

TEST(Description, TheCropRuleSurvivesTheWeightsFile) {
  std::vector<std::string> notes;
  for (const char* const rule : {"timm", "torchvision", "tensorflow"}) {
    Config config;
    config.model.name = "b0";
    config.model.width = 0.25;
    config.data.crop = 64;
    config.data.resize = 71;
    config.data.crop_rule = rule;
    const ModelDescription file = through_a_file(describe_run(config, {}, {"a", "b"}), notes);
    EXPECT_EQ(file.preprocess.crop_rule, parse_crop_rule(rule));
    EXPECT_EQ(file.preprocess.resize, 71);
  }
  Config config;
  config.data.crop_rule = "tensorflow";
  config.data.interpolation = "bilinear";
  EXPECT_TRUE(says(message_of([&] { describe_run(config, {}, {"a", "b"}); }), {"interpolation = bilinear", "bicubic"}));
}

TEST(Description, TensorFlowsRuleCropsAsItsAuthorsUnlessToldOtherwise) {
  Convention flags;
  flags.model = {"b3", ""};
  const Convention rule = {.crop_rule = Sourced<std::string>{"tensorflow", "--crop-rule"}};
  std::vector<std::string> notes;
  const TensorFile file("tf_efficientnet_b3_aa-84b4657e.pth", {{"conv_stem.weight", "F32", {40, 3, 3, 3}, {}}}, {}, nullptr);
  EXPECT_EQ(describe_file(file, flags, notes).preprocess.resize, 331) << "timm's: floor(300/0.904)";
  EXPECT_EQ(describe_file(file, merged(flags, rule), notes).preprocess.resize, 332) << "300 + 32";
}

TEST(Description, TheConfigurationOutranksTheWeights) {
  const auto stated = [](auto value) { return Sourced<decltype(value)>{value, "metadata"}; };
  Convention weights;
  weights.padding = stated(Padding::parse("symmetric"));
  weights.bn_eps = stated(1e-5f);
  weights.mean = stated(std::array<float, 3>{0.5f, 0.5f, 0.5f});
  Config config;
  const ModelDescription theirs = describe_run(config, weights, {"a", "b"});
  EXPECT_EQ(theirs.spec.padding.str(), "symmetric");
  EXPECT_EQ(theirs.spec.bn_eps, 1e-5f);
  EXPECT_EQ(theirs.normalisation.mean, weights.mean->value);
  config.model.padding = "same";
  config.model.bn_eps = 1e-3;
  config.data.mean = {0.1, 0.2, 0.3};
  const ModelDescription mine = describe_run(config, weights, {"a", "b"});
  EXPECT_EQ(mine.spec.padding.str(), "same");
  EXPECT_EQ(mine.spec.bn_eps, 1e-3f);
  EXPECT_EQ(mine.normalisation.mean, (std::array<float, 3>{0.1f, 0.2f, 0.3f}));
  config.model.padding = "sane";
  EXPECT_TRUE(says(message_of([&] { describe_run(config, weights, {"a", "b"}); }), {"sane"}));
}

}  // namespace
}  // namespace mcnn
