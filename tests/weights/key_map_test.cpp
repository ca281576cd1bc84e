// Names: timm's special cases, one-to-one translation of every naming, and the names in reference files.
// Next: weights/key_map.h.
#include "weights/key_map.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/models/state_dicts.h"
#include "tests/train/message.h"
#include "tests/weights/published_file.h"

namespace mcnn {
namespace {

TensorFile file_of(const std::vector<std::string>& names) {
  std::vector<StoredTensor> tensors;
  for (const std::string& name : names) tensors.push_back({name, "F32", {0}, {}});
  return TensorFile("test", tensors, {}, nullptr);
}

std::map<std::string, std::string> mapped(const char* model, Naming naming) {
  std::map<std::string, std::string> out;
  for (const NamePair& pair : key_map(build_network(network_spec(model)), naming)) out[pair.timm] = pair.file;
  return out;
}

TEST(KeyMap, TimmsConvPwProjectsInStage0AndExpandsElsewhere) {
  const auto tv = mapped("b4", Naming::torchvision), ep = mapped("b4", Naming::efficientnet_pytorch);
  EXPECT_EQ(ep.at("blocks.0.1.conv_pw.weight"), "_blocks.1._project_conv.weight");
  EXPECT_EQ(ep.at("blocks.0.1.bn1.weight"), "_blocks.1._bn1.weight");
  EXPECT_EQ(ep.at("blocks.0.1.bn2.weight"), "_blocks.1._bn2.weight");
  EXPECT_EQ(ep.at("blocks.1.0.conv_pw.weight"), "_blocks.2._expand_conv.weight");
  EXPECT_EQ(ep.at("blocks.1.0.bn1.running_var"), "_blocks.2._bn0.running_var");
  EXPECT_EQ(ep.at("blocks.6.1.conv_pwl.weight"), "_blocks.31._project_conv.weight");
  EXPECT_EQ(tv.at("blocks.0.1.conv_pw.weight"), "features.1.1.block.2.0.weight");
  EXPECT_EQ(tv.at("blocks.0.1.se.conv_reduce.bias"), "features.1.1.block.1.fc1.bias");
  EXPECT_EQ(tv.at("blocks.1.0.conv_pw.weight"), "features.2.0.block.0.0.weight");
  EXPECT_EQ(tv.at("blocks.1.0.conv_pwl.weight"), "features.2.0.block.3.0.weight");
  EXPECT_EQ(tv.at("blocks.1.0.bn3.bias"), "features.2.0.block.3.1.bias");
}

TEST(KeyMap, OutsideTheBlocks) {
  const auto tv = mapped("b0", Naming::torchvision), ep = mapped("b0", Naming::efficientnet_pytorch);
  EXPECT_EQ(tv.at("conv_stem.weight"), "features.0.0.weight");
  EXPECT_EQ(tv.at("bn1.running_mean"), "features.0.1.running_mean");
  EXPECT_EQ(tv.at("conv_head.weight"), "features.8.0.weight");
  EXPECT_EQ(tv.at("bn2.num_batches_tracked"), "features.8.1.num_batches_tracked");
  EXPECT_EQ(tv.at("classifier.bias"), "classifier.1.bias");
  EXPECT_EQ(ep.at("bn1.weight"), "_bn0.weight");
  EXPECT_EQ(ep.at("bn2.weight"), "_bn1.weight");
  EXPECT_EQ(ep.at("classifier.weight"), "_fc.weight");
}

TEST(KeyMap, NamesAreTorchvisionsOwn) {
  for (const char* model : {"b0", "efficientnetv2_s", "mobilenetv3_large"}) {
    const std::vector<NamePair> pairs = key_map(build_network(network_spec(model)), Naming::torchvision);
    const StateDict expected = read_state_dict(model);
    ASSERT_EQ(pairs.size(), expected.entries.size()) << model;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      EXPECT_EQ(pairs[i].timm, expected.entries[i].timm) << model;
      EXPECT_EQ(pairs[i].file, expected.entries[i].torchvision) << model;
    }
  }
}

TEST(KeyMap, ANamingKnowsItsOwnNetworksOnly) {
  EXPECT_EQ(message_of([] { key_map(build_network(network_spec("mobilenetv3_large")), Naming::efficientnet_pytorch); }),
            "efficientnet_pytorch does not name the tensors of mobilenetv3_large");
}

TEST(KeyMap, EntriesAndUniqueness) {
  const struct {
    const char* model;
    std::size_t entries;
  } rows[] = {{"b0", 360}, {"b4", 706}, {"lite0", 296}};
  for (const auto& row : rows)
    for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
      SCOPED_TRACE(std::string(row.model) + " " + name_of(naming));
      std::set<std::string> timm, file;
      for (const auto& pair : key_map(build_network(network_spec(row.model)), naming)) {
        timm.insert(pair.timm);
        file.insert(pair.file);
        EXPECT_TRUE(naming != Naming::timm || pair.timm == pair.file) << pair.file;
      }
      EXPECT_EQ(timm.size(), row.entries);
      EXPECT_EQ(file.size(), row.entries);
    }
}

TEST(KeyMap, LiteHasNoSqueezeExciteNames) {
  for (const auto& [timm, file] : mapped("lite0", Naming::torchvision)) EXPECT_EQ(timm.find(".se."), std::string::npos);
  // Without squeeze-excite the projection moves up in torchvision's list.
  EXPECT_EQ(mapped("lite0", Naming::torchvision).at("blocks.1.0.conv_pwl.weight"), "features.2.0.block.2.0.weight");
}

TEST(KeyMap, WrappersPrefixesGo) {
  EXPECT_EQ(strip_prefixes("module.conv_stem.weight"), "conv_stem.weight");
  EXPECT_EQ(strip_prefixes("_orig_mod.module.bn1.bias"), "bn1.bias");
  EXPECT_EQ(strip_prefixes("module._orig_mod.bn1.bias"), "bn1.bias");
  EXPECT_EQ(strip_prefixes("modules.bn1"), "modules.bn1");
}

TEST(KeyMap, NamingIsDetected) {
  EXPECT_EQ(detect_naming(file_of({"module.blocks.0.0.conv_dw.weight", "classifier.weight"})), Naming::timm);
  EXPECT_EQ(detect_naming(file_of({"features.0.0.weight"})), Naming::torchvision);
  EXPECT_EQ(detect_naming(file_of({"_blocks.0._bn1.weight", "_fc.bias"})), Naming::efficientnet_pytorch);
  EXPECT_EQ(detect_naming(file_of({"layer1.0.conv1.weight", "features.conv.weight", "blocks.first.weight"})), std::nullopt);
  EXPECT_EQ(detect_naming(file_of({})), std::nullopt);
}

TEST(KeyMap, EveryPublishedModelIsToldByItsShapes) {
  for (const std::string& model : network_names())
    for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
      if (!names(naming, network_spec(model).family)) continue;
      std::vector<StoredTensor> tensors = published_tensors(model, naming, "module.");
      tensors.pop_back();  // a file need not be complete
      EXPECT_EQ(detect_model(TensorFile("test", tensors, {}, nullptr), naming), model) << name_of(naming);
    }
  EXPECT_EQ(detect_model(file_of({"conv_stem.weight"}), Naming::timm), std::nullopt) << "a stem of width 0";
}

}  // namespace
}  // namespace mcnn
