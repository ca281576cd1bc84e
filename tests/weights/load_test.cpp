// Loading: values get the engine's layout whatever the file's naming; a file that does not fit is refused and changes nothing.
// Next: weights/load.h.
#include "weights/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "formats/safetensors.h"
#include "models/model.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

NetworkSpec small_spec(int classes = 18) {
  NetworkSpec spec = network_spec("b0");
  spec.width = 0.25;
  spec.depth = 0.5;
  spec.classes = classes;
  return spec;
}

/// A small network and the values it was given.
struct SmallNetwork {
  std::unique_ptr<Ops> ops = make_ref_ops();
  Parameters parameters{*ops, false};
  Model model;
  explicit SmallNetwork(const NetworkSpec& spec = small_spec(), uint64_t seed = 1) : model(spec, parameters) {
    initialise(parameters, seed);
  }
  const Network& list() const { return model.network(); }
  std::vector<float> values(const std::string& name) {
    const NamedTensor* t = parameters.find(name);
    return to_torch(*ops, *t, t->value);
  }
};

/// A file in memory that can be damaged before it is loaded.
struct Draft {
  struct Entry {
    std::string name, dtype = "F32";
    std::vector<int64_t> shape;
    std::vector<float> values;
  };
  std::vector<Entry> entries;

  /// Random values for every tensor of a network, in this naming.
  static Draft of(SmallNetwork& network, Naming naming) {
    std::map<std::string, std::string> file_name;
    for (const NamePair& pair : key_map(network.list(), naming)) file_name[pair.timm] = pair.file;
    std::mt19937 random(3);
    std::uniform_real_distribution<float> uniform(0.5f, 1.5f);
    Draft draft;
    for (const NamedTensor& t : network.parameters.tensors()) {
      Entry e{file_name.at(t.name), "F32", t.torch_shape, std::vector<float>(static_cast<std::size_t>(t.value.size()))};
      for (float& v : e.values) v = uniform(random);
      draft.entries.push_back(std::move(e));
    }
    return draft;
  }
  Entry& at(const std::string& name) {
    for (Entry& e : entries)
      if (e.name == name) return e;
    throw std::out_of_range(name);
  }
  void erase(const std::string& name) {
    std::erase_if(entries, [&](const Entry& e) { return e.name == name; });
  }
  TensorFile file(Metadata metadata = {}) const {
    auto backing = std::make_shared<const Draft>(*this);
    std::vector<StoredTensor> tensors;
    for (const Entry& e : backing->entries) tensors.push_back({e.name, e.dtype, e.shape, std::as_bytes(std::span(e.values))});
    return TensorFile("draft.safetensors", std::move(tensors), std::move(metadata), backing);
  }
};

std::string refusal(const Draft& draft, SmallNetwork& network, const LoadOptions& options = {}) {
  try {
    load_weights(draft.file(), network.list(), network.parameters, options);
  } catch (const Error& e) {
    const std::string line = e.what();
    EXPECT_TRUE(line.starts_with("draft.safetensors: ")) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    return line;
  }
  ADD_FAILURE() << "was loaded without complaint";
  return {};
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Load, EveryNamingBringsTheSameValuesInPyTorchsOrder) {
  for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
    SCOPED_TRACE(name_of(naming));
    SmallNetwork network;
    Draft draft = Draft::of(network, naming);
    const std::vector<NamePair> names = key_map(network.list(), naming);
    const LoadReport report = load_weights(draft.file(), network.list(), network.parameters);
    EXPECT_EQ(report.naming, naming);
    EXPECT_TRUE(report.lines().empty());
    EXPECT_EQ(report.file_classes, 18);
    for (const auto& [timm, file, shape] : names) {
      if (network.parameters.find(timm) == nullptr) continue;  // num_batches_tracked
      EXPECT_EQ(network.values(timm), draft.at(file).values) << timm;
    }
  }
}

TEST(Load, AxesBecomeTheEngines) {  // output channel last
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::timm);
  load_weights(draft.file(), network.list(), network.parameters);
  const auto element = [&](const std::string& name, int64_t index) { return network.parameters.find(name)->value.data<double>()[index]; };
  const auto stored = [&](const std::string& name, int64_t index) { return draft.at(name).values[static_cast<std::size_t>(index)]; };
  // stem (O,I,k,k) = (8,3,3,3) -> (k,k,I,O): o=5, i=1, p=2, q=0
  EXPECT_EQ(element("conv_stem.weight", ((2 * 3 + 0) * 3 + 1) * 8 + 5), stored("conv_stem.weight", ((5 * 3 + 1) * 3 + 2) * 3 + 0));
  // depthwise (C,1,k,k) = (8,1,3,3) -> (k,k,C): c=6, p=1, q=2
  EXPECT_EQ(element("blocks.0.0.conv_dw.weight", (1 * 3 + 2) * 8 + 6), stored("blocks.0.0.conv_dw.weight", (6 * 3 + 1) * 3 + 2));
  // squeeze-excite (2,8,1,1) -> (8,2): o=1, i=4
  EXPECT_EQ(element("blocks.0.0.se.conv_reduce.weight", 4 * 2 + 1), stored("blocks.0.0.se.conv_reduce.weight", 1 * 8 + 4));
  // classifier (18,320) -> (320,18): o=7, i=100
  EXPECT_EQ(element("classifier.weight", 100 * 18 + 7), stored("classifier.weight", 7 * 320 + 100));
}

TEST(Load, PrefixesCountersAndFlatPointwiseWeightsAreFine) {
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::efficientnet_pytorch);
  draft.at("_conv_head.weight").shape = {320, 80};  // 1x1 without its spatial axes
  draft.entries.push_back({"_bn0.num_batches_tracked", "F32", {}, {0.f}});
  for (const std::string prefix :
       {"module.", "_orig_mod.module.", "model.", "model._orig_mod.", "net.", "network.", "backbone.model.", "encoder."}) {
    Draft wrapped = draft;
    for (Draft::Entry& e : wrapped.entries) e.name = prefix + e.name;
    EXPECT_TRUE(load_weights(wrapped.file(), network.list(), network.parameters).lines().empty()) << prefix;
    EXPECT_EQ(network.values("conv_head.weight"), draft.at("_conv_head.weight").values) << prefix;
    EXPECT_EQ(detect_naming(wrapped.file()), Naming::efficientnet_pytorch) << prefix;
  }
}

TEST(Load, HalfPrecisionFiles) {
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::timm);
  Draft::Entry& e = draft.at("bn1.weight");
  e.dtype = "BF16";
  e.values.resize(e.values.size() / 2);
  for (float& two : e.values) two = std::bit_cast<float>(0x40003f80u);  // 1, 2 in bf16
  load_weights(draft.file(), network.list(), network.parameters);
  EXPECT_EQ(network.values("bn1.weight"), (std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2}));
}

TEST(Load, MissingAndUnexpectedAreListedTogether) {
  SmallNetwork network;
  const std::vector<float> before = network.values("conv_stem.weight");
  Draft draft = Draft::of(network, Naming::efficientnet_pytorch);
  draft.erase("_blocks.1._expand_conv.weight");
  draft.erase("_bn0.running_var");
  draft.entries.push_back({"ema.decay", "F32", {1}, {0.9f}});
  const std::string line = refusal(draft, network);
  EXPECT_CONTAINS(line, "missing: bn1.running_var (_bn0.running_var), blocks.1.0.conv_pw.weight (_blocks.1._expand_conv.weight)");
  EXPECT_CONTAINS(line, "unexpected: 'ema.decay'");
  EXPECT_CONTAINS(line, "allow_missing");
  EXPECT_EQ(network.values("conv_stem.weight"), before) << "a refused file changed the network";

  EXPECT_CONTAINS(refusal(draft, network, {.allow_missing = {"_bn0.*", "ema.*"}}), "missing: blocks.1.0.conv_pw.weight");
  const LoadReport report =
      load_weights(draft.file(), network.list(), network.parameters, {.allow_missing = {"blocks.1.0.conv_pw.*", "_bn0.*", "ema.*"}});
  EXPECT_EQ(report.missing, (std::vector<std::string>{"bn1.running_var", "blocks.1.0.conv_pw.weight"}));
  EXPECT_EQ(report.unused, (std::vector<std::string>{"ema.decay"}));
  EXPECT_TRUE(report.identities.empty()) << "block 1.0 has no skip";
  EXPECT_EQ(network.values("bn1.running_var"), std::vector<float>(8, 1.f));
  EXPECT_EQ(network.values("bn1.weight"), draft.at("_bn0.weight").values);
}

TEST(Load, ABlockWithASkipThatLacksConvolutionsStartsAsTheIdentity) {
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::timm);
  draft.erase("blocks.5.1.conv_pwl.weight");
  const LoadReport report =
      load_weights(draft.file(), network.list(), network.parameters, {.allow_missing = {"blocks.5.1.conv_pwl.weight"}});
  EXPECT_EQ(report.identities, (std::vector<std::string>{"blocks.5.1"}));
  EXPECT_EQ(network.values("blocks.5.1.bn3.weight"), std::vector<float>(48, 0.f));
  EXPECT_EQ(network.values("blocks.5.1.bn3.bias"), std::vector<float>(48, 0.f));
  EXPECT_EQ(network.values("blocks.5.1.bn3.running_var"), draft.at("blocks.5.1.bn3.running_var").values);
}

TEST(Load, AnotherClassCountGetsANewHead) {
  SmallNetwork network(small_spec(5)), thousand(small_spec(1000));
  Draft draft = Draft::of(thousand, Naming::torchvision);
  const LoadReport report = load_weights(draft.file(), network.list(), network.parameters, {.seed = 9});
  EXPECT_TRUE(report.new_head);
  EXPECT_EQ(report.file_classes, 1000);
  ASSERT_EQ(report.lines().size(), 1u);
  EXPECT_CONTAINS(report.lines()[0], "1000 classes");
  EXPECT_EQ(network.values("classifier.bias"), std::vector<float>(5, 0.f));
  for (const float w : network.values("classifier.weight")) EXPECT_LE(std::abs(w), 1 / std::sqrt(5.f));
  SmallNetwork other_seed(small_spec(5));
  load_weights(draft.file(), other_seed.list(), other_seed.parameters, {.seed = 10});
  EXPECT_NE(network.values("classifier.weight"), other_seed.values("classifier.weight"));

  // The number of classes is known from the bias alone if the weight is missing.
  draft.erase("classifier.1.weight");
  EXPECT_TRUE(load_weights(draft.file(), network.list(), network.parameters).new_head);
  EXPECT_CONTAINS(refusal(draft, thousand), "missing: classifier.weight (classifier.1.weight)");
}

TEST(Load, OtherClassesOfTheSameNumberGetANewHead) {
  SmallNetwork network(small_spec(3));
  const Draft draft = Draft::of(network, Naming::timm);
  const TensorFile file = draft.file({{"classes", R"(["cat","dog","owl"])"}});
  const auto load = [&](const TensorFile& from, const std::vector<std::string>& classes) {
    return load_weights(from, network.list(), network.parameters, {.classes = classes});
  };
  for (const auto& [from, classes] : {std::pair(&file, std::vector<std::string>{"cat", "dog", "owl"}), {&file, {}}}) {
    EXPECT_TRUE(load(*from, classes).lines().empty());
    EXPECT_EQ(network.values("classifier.weight"), Draft(draft).at("classifier.weight").values);
  }
  EXPECT_FALSE(load(draft.file(), {"a", "b", "c"}).new_head) << "a file without names may have any";
  EXPECT_FALSE(load(draft.file({{"classes", R"(["0","1","2"])"}}), {"a", "b", "c"}).new_head) << "numbers are no names";
  const LoadReport report = load(file, {"cat", "cow", "owl"});
  EXPECT_TRUE(report.new_head);
  EXPECT_EQ(report.lines(), std::vector<std::string>{"classifier: the file's has 3 classes (cat, dog, owl); initialised instead"});
  EXPECT_EQ(network.values("classifier.bias"), std::vector<float>(3, 0.f));
}

TEST(Load, TheStateOfARunIsNoWeightsFile) {
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::timm);
  draft.entries.push_back({"optimizer.m.conv_stem.weight", "F32", {1}, {0.f}});
  const std::string line = refusal(draft, network, {.allow_missing = {"optimizer.*"}});
  EXPECT_CONTAINS(line, "the state of a run");
  EXPECT_CONTAINS(line, "best.safetensors");
}

TEST(Load, AClassifierOnOtherFeaturesIsAnotherNetworks) {
  SmallNetwork network(small_spec(5));
  Draft draft = Draft::of(network, Naming::timm);
  draft.at("classifier.weight").shape = {1, 5 * 320};
  EXPECT_CONTAINS(refusal(draft, network), "'classifier.weight' is (1,1600), expected (5,320)");
}

TEST(Load, WrongShapesAreNamedWithBoth) {
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::torchvision);
  draft.at("features.0.0.weight").shape = {8, 3, 1, 9};
  draft.at("classifier.1.weight").shape = {16, 360};
  const std::string line = refusal(draft, network);
  EXPECT_CONTAINS(line, "'features.0.0.weight' is (8,3,1,9), expected (8,3,3,3)");
  EXPECT_CONTAINS(line, "'classifier.1.weight' is (16,360), expected (18,320)");
}

TEST(Load, AnotherNetworksFileIsRecognised) {
  SmallNetwork b0(network_spec("b0")), small;
  const std::string line = refusal(Draft::of(b0, Naming::timm), small);
  EXPECT_LT(line.size(), 700u) << "not hundreds of names: " << line;
  EXPECT_CONTAINS(line, "draft.safetensors: its tensors are those of b0; it does not fit the network: ");
}

TEST(Load, UnusableValuesAreRefused) {
  const struct {
    const char* tensor;
    float value;
    const char* expected;
  } rows[] = {{"bn1.weight", NAN, "'bn1.weight' holds nan at index 3"},
              {"bn1.weight", -INFINITY, "'bn1.weight' holds -inf at index 3"},
              {"bn2.running_var", -1.f, "negative variance, -1, at index 3"}};
  for (const auto& row : rows) {
    SmallNetwork network;
    Draft draft = Draft::of(network, Naming::timm);
    draft.at(row.tensor).values[3] = row.value;
    const std::vector<float> before = network.values("conv_stem.weight");
    EXPECT_CONTAINS(refusal(draft, network), row.expected);
    EXPECT_EQ(network.values("conv_stem.weight"), before);
  }
  SmallNetwork network;
  Draft draft = Draft::of(network, Naming::timm);
  draft.at("bn1.bias").dtype = "I32";
  EXPECT_CONTAINS(refusal(draft, network), "'bn1.bias' holds I32");
}

TEST(Load, ForeignFilesAreNamed) {
  SmallNetwork network;
  Draft draft;
  EXPECT_CONTAINS(refusal(draft, network), "the file is empty");
  draft.entries.push_back({"layer1.0.conv1.weight", "F32", {1}, {0.f}});
  EXPECT_CONTAINS(refusal(draft, network), "none of timm's, torchvision's, EfficientNet-PyTorch's: 'layer1.0.conv1.weight'");
  draft = Draft::of(network, Naming::timm);
  draft.entries.push_back(draft.entries.front());
  draft.entries.back().name = "module." + draft.entries.front().name;
  EXPECT_CONTAINS(refusal(draft, network), "occurs twice");
}

TEST(Save, IsLoadedBackToTheBit) {
  const std::string path = (fs::temp_directory_path() / ("mcnn_save_" + std::to_string(::getpid()) + ".safetensors")).string();
  SmallNetwork from(small_spec(), 5), to(small_spec(), 6);
  ASSERT_NE(from.values("conv_head.weight"), to.values("conv_head.weight"));
  save_weights(path, from.parameters, {{"padding", "same"}}, 42);
  {
    const TensorFile file = open_tensor_file(path);
    EXPECT_EQ(file.metadata(), (Metadata{{"padding", "same"}, {"format", "pt"}}));
    EXPECT_EQ(file.tensors().size(), key_map(from.list(), Naming::timm).size()) << "timm's strict=True wants every entry";
    for (const auto& pair : key_map(from.list(), Naming::timm)) EXPECT_NE(file.find(pair.timm), nullptr) << pair.timm;
    EXPECT_EQ(file.find("blocks.0.0.bn1.num_batches_tracked")->dtype, "I64");
    EXPECT_EQ(as_doubles(*file.find("bn2.num_batches_tracked")), (std::vector<double>{42}));
    EXPECT_EQ(file.find("conv_stem.weight")->shape, (std::vector<int64_t>{8, 3, 3, 3}));
    EXPECT_TRUE(load_weights(file, to.list(), to.parameters).lines().empty());
  }
  for (const NamedTensor& t : from.parameters.tensors()) EXPECT_EQ(from.values(t.name), to.values(t.name)) << t.name;
  fs::remove(path);
}

}  // namespace
}  // namespace mcnn
