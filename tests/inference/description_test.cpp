// What a run says about its network travels in the weights file and comes out unchanged.
#include "inference/description.h"

#include <gtest/gtest.h>

#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"
#include "tests/train/small_network.h"
#include "weights/key_map.h"
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
  ModelOptions model;
  DataOptions data;
  model.name = "lite1";
  model.width = 0.3;
  model.depth = 0.7;
  model.padding = "same:96x64";
  model.bn_eps = 2e-5;
  data.crop = 64;
  data.resize = 71;
  data.interpolation = "bilinear";
  data.mean = {0.1, 0.2, 0.3};
  data.std = {0.4, 0.5, 0.6};
  const std::vector<std::string> classes = {"wear/male/<30", "a \"quoted\", one", "ünï"};
  const ModelDescription run = describe_run(model, data, {}, classes);
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
    ModelOptions model;
    DataOptions data;
    model.name = "b0";
    model.width = 0.25;
    data.crop = 64;
    data.resize = 71;
    data.crop_rule = rule;
    const ModelDescription file = through_a_file(describe_run(model, data, {}, {"a", "b"}), notes);
    EXPECT_EQ(file.preprocess.crop_rule, parse_crop_rule(rule));
    EXPECT_EQ(file.preprocess.resize, 71);
  }
  ModelOptions model;
  DataOptions data;
  data.crop_rule = "tensorflow";
  data.interpolation = "bilinear";
  EXPECT_TRUE(says(message_of([&] { describe_run(model, data, {}, {"a", "b"}); }), {"interpolation = bilinear", "bicubic"}));
}

TEST(Description, CountsTheClassesWhateverTheFileCallsItsClassifier) {
  const std::tuple<const char*, Naming, const char*> files[] = {{"b0", Naming::timm, "classifier.weight"},
                                                                {"b0", Naming::torchvision, "classifier.1.weight"},
                                                                {"b0", Naming::efficientnet_pytorch, "_fc.weight"},
                                                                {"efficientnetv2_s", Naming::torchvision, "classifier.1.weight"},
                                                                {"mobilenetv3_large", Naming::timm, "classifier.weight"},
                                                                {"mobilenetv3_large", Naming::torchvision, "classifier.3.weight"}};
  for (const auto& [network, naming, classifier] : files) {
    SCOPED_TRACE(std::string(network) + ", " + name_of(naming));
    NetworkSpec spec = network_spec(network);
    spec.classes = 7;
    std::vector<StoredTensor> tensors;
    bool named = false;
    for (const NamePair& pair : key_map(build_network(spec), naming)) {
      tensors.push_back({"module." + pair.file, "F32", pair.shape, {}});
      named |= pair.file == classifier;
    }
    EXPECT_TRUE(named);
    std::vector<std::string> notes;
    const ModelDescription d = describe_file(TensorFile("test", tensors, {}, nullptr), {}, notes);
    EXPECT_EQ(d.spec.name, network);
    EXPECT_EQ(d.spec.classes, 7);
  }
}

TEST(Description, WhatNothingStatesIsTheNetworksOwn) {
  ModelOptions model;
  model.name = "mobilenetv3_large";
  EXPECT_EQ(describe_run(model, {}, {}, {"a", "b"}).spec.drop_path, 0.f);
  model.name = "b4";
  EXPECT_EQ(describe_run(model, {}, {}, {"a", "b"}).spec.drop_path, 0.2f);
  model.drop_path = 0.1;
  EXPECT_EQ(describe_run(model, {}, {}, {"a", "b"}).spec.drop_path, 0.1f);
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
  ModelOptions model;
  DataOptions data;
  const ModelDescription theirs = describe_run(model, data, weights, {"a", "b"});
  EXPECT_EQ(theirs.spec.padding.str(), "symmetric");
  EXPECT_EQ(theirs.spec.bn_eps, 1e-5f);
  EXPECT_EQ(theirs.normalisation.mean, weights.mean->value);
  model.padding = "same";
  model.bn_eps = 1e-3;
  data.mean = {0.1, 0.2, 0.3};
  const ModelDescription mine = describe_run(model, data, weights, {"a", "b"});
  EXPECT_EQ(mine.spec.padding.str(), "same");
  EXPECT_EQ(mine.spec.bn_eps, 1e-3f);
  EXPECT_EQ(mine.normalisation.mean, (std::array<float, 3>{0.1f, 0.2f, 0.3f}));
  model.padding = "sane";
  EXPECT_TRUE(says(message_of([&] { describe_run(model, data, weights, {"a", "b"}); }), {"sane"}));
}

}  // namespace
}  // namespace mcnn
