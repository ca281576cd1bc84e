// Conventions: which source wins, the published checkpoints' values, and that guesses are always marked.
// Next: weights/convention.h, weights/published.h.
#include "weights/convention.h"
#include "tests/train/message.h"
#include "tests/weights/published_file.h"

#include <gtest/gtest.h>

namespace mcnn {
namespace {

TensorFile file_of(const char* model, Naming naming, const std::string& path, const Metadata& metadata = {}) {
  return TensorFile(path, published_tensors(model, naming), metadata, nullptr);
}

struct Published {
  const char* path;
  Naming naming;
  const char* model;
  const char* padding;
  float bn_eps;
  float mean;  ///< of red
  int resolution;
  int resized;  ///< floor(resolution / crop_pct)
  const char* interpolation;
};

const Published kPublished[] = {
    // timm 1.0.31 default_cfgs
    {"tf_efficientnet_b4_aa-818f208c.pth", Naming::timm, "b4", "same", 1e-3f, .485f, 380, 412, "bicubic"},
    {"tf_efficientnet_b0_ns-c0e6a31c.pth", Naming::timm, "b0", "same", 1e-3f, .485f, 224, 256, "bicubic"},
    {"tf_efficientnet_b4_ap-dedb23e6.pth", Naming::timm, "b4", "same", 1e-3f, .5f, 380, 412, "bicubic"},
    {"hub/tf_efficientnet_b7.ap_in1k/model.safetensors", Naming::timm, "b7", "same", 1e-3f, .5f, 600, 632, "bicubic"},
    {"tf_efficientnet_lite0-0aa007d2.pth", Naming::timm, "lite0", "same", 1e-3f, .5f, 224, 256, "bicubic"},
    {"tf_efficientnet_lite4-741542c3.pth", Naming::timm, "lite4", "same", 1e-3f, .5f, 380, 413, "bilinear"},
    {"efficientnet_b4_ra2_320-7eb33cd5.pth", Naming::timm, "b4", "symmetric", 1e-5f, .485f, 384, 384, "bicubic"},
    {"timm/efficientnet_b3.ra2_in1k/model.safetensors", Naming::timm, "b3", "symmetric", 1e-5f, .485f, 320, 320, "bicubic"},
    {"efficientnet_b0.ra4_e3600_r224_in1k/model.safetensors", Naming::timm, "b0", "symmetric", 1e-5f, .5f, 256, 256, "bicubic"},
    {"efficientnet_lite0_ra-37913777.pth", Naming::timm, "lite0", "symmetric", 1e-5f, .485f, 224, 256, "bicubic"},
    {"tf_efficientnetv2_s-eb54923e.pth", Naming::timm, "efficientnetv2_s", "same", 1e-3f, .5f, 384, 384, "bicubic"},
    {"mobilenetv3_large_100_ra-f55367f5.pth", Naming::timm, "mobilenetv3_large", "symmetric", 1e-5f, .485f, 224, 256, "bicubic"},
    {"mobilenetv3_large_100.ra4_e3600_r224_in1k/model.safetensors", Naming::timm, "mobilenetv3_large", "symmetric", 1e-5f, .5f, 256, 269,
     "bicubic"},
    {"mobilenetv3_large_100_1k_miil_78_0-66471c13.pth", Naming::timm, "mobilenetv3_large", "symmetric", 1e-5f, 0.f, 224, 256, "bilinear"},
    {"tf_mobilenetv3_large_100-427764d5.pth", Naming::timm, "mobilenetv3_large", "same", 1e-3f, .5f, 224, 256, "bilinear"},
    // torchvision 0.29
    {"efficientnet_b0_rwightman-7f5810bc.pth", Naming::torchvision, "b0", "symmetric", 1e-5f, .485f, 224, 256, "bicubic"},
    {"efficientnet_b1-c27df63c.pth", Naming::torchvision, "b1", "symmetric", 1e-5f, .485f, 240, 255, "bilinear"},
    {"efficientnet_b1_rwightman-bac287d4.pth", Naming::torchvision, "b1", "symmetric", 1e-5f, .485f, 240, 256, "bicubic"},
    {"efficientnet_b2_rwightman-c35c1473.pth", Naming::torchvision, "b2", "symmetric", 1e-5f, .485f, 288, 288, "bicubic"},
    {"efficientnet_b3_rwightman-b3899882.pth", Naming::torchvision, "b3", "symmetric", 1e-5f, .485f, 300, 320, "bicubic"},
    {"renamed.pth", Naming::torchvision, "b4", "symmetric", 1e-5f, .485f, 380, 384, "bicubic"},
    {"efficientnet_b5_lukemelas-1a07897c.pth", Naming::torchvision, "b5", "symmetric", 1e-3f, .485f, 456, 456, "bicubic"},
    {"efficientnet_v2_s-dd5fe13b.pth", Naming::torchvision, "efficientnetv2_s", "symmetric", 1e-3f, .485f, 384, 384, "bilinear"},
    {"mobilenet_v3_large-8738ca79.pth", Naming::torchvision, "mobilenetv3_large", "symmetric", 1e-3f, .485f, 224, 256, "bilinear"},
    {"mobilenet_v3_large-5c1a4163.pth", Naming::torchvision, "mobilenetv3_large", "symmetric", 1e-3f, .485f, 224, 232, "bilinear"},
    // EfficientNet-PyTorch and its Lite fork
    {"efficientnet-b4-6ed6700e.pth", Naming::efficientnet_pytorch, "b4", "same", 1e-3f, .485f, 380, 412, "bicubic"},
    {"adv-efficientnet-b4-44fb3a87.pth", Naming::efficientnet_pytorch, "b4", "same", 1e-3f, .5f, 380, 412, "bicubic"},
    {"efficientnet-lite0-57934424.pth", Naming::efficientnet_pytorch, "lite0", "same", 1e-3f, 127 / 255.f, 224, 256, "bicubic"},
};

TEST(Convention, OfPublishedCheckpoints) {
  for (const Published& p : kPublished) {
    SCOPED_TRACE(p.path);
    const Convention c = resolve_convention({}, file_of(p.model, p.naming, p.path));
    ASSERT_TRUE(c.model && c.padding && c.bn_eps && c.mean && c.std && c.resolution && c.crop_pct && c.interpolation);
    EXPECT_EQ(c.model->value, p.model);
    EXPECT_EQ(c.padding->value.str(), p.padding);
    EXPECT_EQ(c.bn_eps->value, p.bn_eps);
    EXPECT_EQ(c.mean->value[0], p.mean);
    EXPECT_EQ(c.resolution->value, p.resolution);
    EXPECT_EQ(static_cast<int>(c.resolution->value / c.crop_pct->value), p.resized);
    EXPECT_EQ(c.interpolation->value, p.interpolation);
    EXPECT_TRUE(c.padding->guess && c.bn_eps->guess && c.mean->guess && c.resolution->guess);
    EXPECT_FALSE(c.classes);
  }
}

TEST(Convention, LiteStandardDeviation) {  // (x-127)/128 on bytes
  const Convention c = resolve_convention({}, file_of("lite0", Naming::efficientnet_pytorch, "efficientnet-lite0-57934424.pth"));
  EXPECT_EQ(c.std->value[2], 128 / 255.f);
}

TEST(Convention, FlagsBeatMetadataBeatsGuesses) {
  const TensorFile file = file_of("b4", Naming::timm, "tf_efficientnet_b4.pth", {{"padding", "same:380x380"}, {"bn_eps", "0.002"}});
  Convention flags;
  flags.padding = {Padding::parse("symmetric"), "--padding"};
  const Convention c = resolve_convention(flags, file);
  EXPECT_EQ(c.padding->value.str(), "symmetric");
  EXPECT_EQ(c.padding->source, "--padding");
  EXPECT_EQ(c.bn_eps->value, 0.002f);
  EXPECT_EQ(c.bn_eps->source, "metadata 'bn_eps'");
  EXPECT_FALSE(c.bn_eps->guess);
  EXPECT_TRUE(c.mean->guess);
  const std::string text = describe(c);
  EXPECT_NE(text.find("symmetric"), std::string::npos) << text;
  EXPECT_NE(text.find("guessed from file name (timm's tf_efficientnet)"), std::string::npos) << text;
  EXPECT_NE(text.find("classes        unknown"), std::string::npos) << text;
}

TEST(Convention, SurvivesTheMetadata) {
  Convention c;
  c.model = {"lite0", ""};
  c.padding = {Padding::parse("same:64x48"), ""};
  c.bn_eps = {1e-5f, ""};
  c.mean = {{127 / 255.f, 0.1f, 0.f}, ""};
  c.std = {{128 / 255.f, 1.f, 2.f}, ""};
  c.resolution = {224, ""};
  c.crop_pct = {0.875, ""};
  c.interpolation = {"bilinear", ""};
  c.classes = {{"mask, worn", "\"quoted\"", "größer"}, ""};
  const Convention back = convention_of_metadata("w.safetensors", metadata_of(c));
  EXPECT_EQ(back.model->value, c.model->value);
  EXPECT_EQ(back.padding->value, c.padding->value);
  EXPECT_EQ(back.bn_eps->value, c.bn_eps->value);
  EXPECT_EQ(back.mean->value, c.mean->value);
  EXPECT_EQ(back.std->value, c.std->value);
  EXPECT_EQ(back.resolution->value, c.resolution->value);
  EXPECT_EQ(back.crop_pct->value, c.crop_pct->value);
  EXPECT_EQ(back.interpolation->value, c.interpolation->value);
  EXPECT_EQ(back.classes->value, c.classes->value);
  EXPECT_TRUE(metadata_of({}).empty());
}

TEST(Convention, InWords) {
  const struct {
    const char* words;
    const char* padding;
    float bn_eps;
  } rows[] = {{"efficientnet_pytorch: SAME padding, BN eps 1e-3", "same", 1e-3f},
              {"dynamic SAME padding, BN eps 0.001", "same", 1e-3f},
              {"SAME padding fixed at 64x64, BN eps 1e-3", "same:64x64", 1e-3f},
              {"symmetric padding, BN eps 1e-5", "symmetric", 1e-5f}};
  for (const auto& row : rows) {
    const Convention c = convention_of_metadata("w.safetensors", {{"convention", row.words}});
    ASSERT_TRUE(c.padding && c.bn_eps) << row.words;
    EXPECT_EQ(c.padding->value.str(), row.padding);
    EXPECT_EQ(c.bn_eps->value, row.bn_eps);
  }
  EXPECT_FALSE(convention_of_metadata("w.safetensors", {{"convention", "as usual"}}).padding);
}

TEST(Convention, UnreadableMetadataIsNamed) {
  const std::pair<const char*, const char*> rows[] = {{"padding", "valid"},
                                                      {"bn_eps", "small"},
                                                      {"bn_eps", "-1"},
                                                      {"bn_eps", "1e-3x"},
                                                      {"bn_eps", "nan"},
                                                      {"mean", "0.5,0.5"},
                                                      {"mean", "0.5,0.5,x"},
                                                      {"std", "1,2,3,4"},
                                                      {"std", "1,0,1"},
                                                      {"std", "1,1,-1"},
                                                      {"mean", "0,inf,0"},
                                                      {"resolution", "0"},
                                                      {"resolution", "22.4"},
                                                      {"crop_pct", "1.5"},
                                                      {"crop_pct", ""},
                                                      {"classes", "a,b"},
                                                      {"classes", "[1,2]"},
                                                      {"classes", "{\"a\":\"b\"}"},
                                                      {"resolution", "999999999999"}};
  for (const auto& [field, value] : rows) {
    try {
      convention_of_metadata("w.safetensors", {{field, value}});
      ADD_FAILURE() << field << " = " << value << " was read";
    } catch (const Error& e) {
      EXPECT_TRUE(std::string(e.what()).starts_with(std::string("w.safetensors: metadata '") + field + "'")) << e.what();
    }
  }
}

TEST(Convention, OfAFileNobodyKnowsIsUnknown) {
  std::vector<StoredTensor> tensors = {{"layer1.weight", "F32", {0}, {}}};
  const Convention c = resolve_convention({}, TensorFile("resnet.pth", std::move(tensors), {}, nullptr));
  EXPECT_FALSE(c.padding || c.bn_eps || c.model);
}

TEST(Convention, FlagsAreReadLikeMetadataAndNamedAsTheUserTypedThem) {
  const Convention c = convention_of_flags({{"padding", "symmetric"}, {"bn_eps", "2e-5"}, {"crop_pct", "0.9"}});
  EXPECT_EQ(c.padding->value.str(), "symmetric");
  EXPECT_EQ(c.padding->source, "--padding");
  EXPECT_EQ(c.bn_eps->value, 2e-5f);
  EXPECT_EQ(c.bn_eps->source, "--bn-eps");
  EXPECT_FALSE(c.bn_eps->guess);
  EXPECT_FALSE(c.model || c.mean || c.classes);
  try {
    convention_of_flags({{"crop_pct", "1.5"}});
    ADD_FAILURE() << "1.5 was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), "--crop-pct: '1.5' is not in (0,1]");
  }
  try {
    convention_of_flags({{"padding", "sane"}});
    ADD_FAILURE() << "sane was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), "--padding: 'sane' is none of same, same:HxW (same:380x380), symmetric");
  }
}

TEST(Convention, EachNumberIsReadWholeAndHasBounds) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"bn_eps", "1e-3x"},      {"bn_eps", "2"},          {"bn_eps", "0"},
           {"bn_eps", "nan"},        {"resolution", "0"},      {"resolution", "7"},
           {"resolution", "9000"},   {"resolution", "224.0"},  {"resolution", "99999999999"},
           {"crop_pct", "1e-300"},   {"crop_pct", "0,9"},      {"crop_pct", "1.1"},
           {"mean", "0.5,0.5"},      {"mean", "1e38,0,0"},     {"mean", "0.5,0.5,0.5,0.5"},
           {"std", "1,1,-1"},        {"std", "1,inf,1"},       {"padding", "same:1e9x1"},
           {"padding", "same: 4x4"}, {"padding", "same:4x4 "}, {"padding", "same:99999999999999999999x4"}}) {
    SCOPED_TRACE(key + " = " + value);
    EXPECT_TRUE(says(message_of([&] { convention_of_metadata("a.safetensors", {{key, value}}); }), {"a.safetensors", "'" + key + "'"}));
    EXPECT_THROW(convention_of_flags({{key, value}}), Error);
  }
}

}  // namespace
}  // namespace mcnn
