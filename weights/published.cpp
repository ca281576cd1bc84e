// Tables of published evaluation settings.  Contract and sources: published.h.
#include "weights/published.h"

#include <filesystem>
#include <map>
#include <regex>

#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr std::array<float, 3> kImageNetMean = {0.485f, 0.456f, 0.406f}, kImageNetStd = {0.229f, 0.224f, 0.225f};
constexpr std::array<float, 3> kHalf = {0.5f, 0.5f, 0.5f};
// The TensorFlow authors normalise the input of lite networks as (x-127)/128.
constexpr std::array<float, 3> kLiteMean = {127 / 255.f, 127 / 255.f, 127 / 255.f}, kLiteStd = {128 / 255.f, 128 / 255.f, 128 / 255.f};

struct Evaluation {
  int resolution;
  double crop_pct;
  const char* interpolation = "bicubic";
};
using Table = std::map<std::string, Evaluation>;

// crop_pct is size/(size+32), the TensorFlow authors' crop, in timm's three digits.
const Table kTensorFlow = {{"b0", {224, .875}},    {"b1", {240, .882}},    {"b2", {260, .890}},    {"b3", {300, .904}},
                           {"b4", {380, .922}},    {"b5", {456, .934}},    {"b6", {528, .942}},    {"b7", {600, .949}},
                           {"lite0", {224, .875}}, {"lite1", {240, .882}}, {"lite2", {260, .890}}, {"lite3", {280, .897}},
                           {"lite4", {300, .904}}};
// Settings of timm's tf_ conversions that differ from the table above, or are not in it.
const Table kTimmTf = {{"lite3", {300, .904, "bilinear"}},
                       {"lite4", {380, .920, "bilinear"}},
                       {"efficientnetv2_s", {384, 1.}},
                       {"mobilenetv3_large", {224, .875, "bilinear"}}};
// timm's native weights: the test size of each default checkpoint.
const Table kTimmNative = {{"b0", {224, .875}},
                           {"b1", {256, 1.}},
                           {"b2", {288, 1.}},
                           {"b3", {320, 1.}},
                           {"b4", {384, 1.}},
                           {"lite0", {224, .875}},
                           {"efficientnetv2_s", {384, 1.}},
                           {"mobilenetv3_large", {224, .875}}};
// resize 256/256/288/320/384, crop 224/240/288/300/380; b5-b7 and efficientnetv2_s resize = crop.
const Table kTorchvision = {{"b0", {224, .875}},
                            {"b1", {240, .9375}},
                            {"b2", {288, 1.}},
                            {"b3", {300, .9375}},
                            {"b4", {380, .989}},
                            {"b5", {456, 1.}},
                            {"b6", {528, 1.}},
                            {"b7", {600, 1.}},
                            {"efficientnetv2_s", {384, 1., "bilinear"}},
                            {"mobilenetv3_large", {224, .875, "bilinear"}}};

struct Published {
  std::string source;
  Padding padding;
  float bn_eps = 1e-3f;
  std::array<float, 3> mean = kImageNetMean, std = kImageNetStd;
  std::optional<Evaluation> evaluation;
};

std::optional<Evaluation> look_up(const Table& table, const std::string& model) {
  const auto it = table.find(model);
  return it == table.end() ? std::nullopt : std::optional(it->second);
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// The file's name, with its folder's if the file's does not name the network: timm's hub keeps model.safetensors in a folder named after
/// the model.
std::string name_with_model(const std::string& path) {
  const std::filesystem::path p(path);
  const std::string name = p.filename().string();
  return contains(name, "efficientnet") || contains(name, "mobilenet") ? name : p.parent_path().filename().string() + "/" + name;
}

Published torchvision_family(const std::string& model, const std::string& name) {
  // b5-b7 are TensorFlow's weights with symmetric padding. These and the two others use TensorFlow's epsilon.
  const bool as_tensorflow = model == "b5" || model == "b6" || model == "b7" || model == "efficientnetv2_s" || model == "mobilenetv3_large";
  Published f{"tensor names (torchvision)", {Padding::Mode::symmetric}, as_tensorflow ? 1e-3f : 1e-5f};
  f.evaluation = look_up(kTorchvision, model);
  if (contains(name, "mobilenet_v3_large-5c1a4163")) f.evaluation = {224, .9655, "bilinear"};  // IMAGENET1K_V2: resize 232
  if (contains(name, "b1-c27df63c")) f.evaluation = {240, .941, "bilinear"};                   // IMAGENET1K_V2: resize 255
  return f;
}

Published efficientnet_pytorch_family(const std::string& model, const std::string& name) {
  Published f{"tensor names (EfficientNet-PyTorch)", {Padding::Mode::same}};
  f.evaluation = look_up(kTensorFlow, model);
  if (model.starts_with("lite")) {
    f.mean = kLiteMean;
    f.std = kLiteStd;
  } else if (name.starts_with("adv-")) {  // AdvProp: x*2-1
    f.source += " and file name (adv-)";
    f.mean = f.std = kHalf;
  }
  return f;
}

Published timm_family(const std::string& model, const std::string& name) {
  const bool mobile = contains(name, "mobilenetv3");
  if (contains(name, "tf_efficientnet") || contains(name, "tf_mobilenetv3")) {
    Published f{fmt::format("file name (timm's tf_{})", mobile ? "mobilenetv3" : "efficientnet"), {Padding::Mode::same}};
    f.evaluation = look_up(kTimmTf, model);
    if (!f.evaluation) f.evaluation = look_up(kTensorFlow, model);
    const bool half = model.starts_with("lite") || model == "efficientnetv2_s" || model == "mobilenetv3_large";
    if (half || contains(name, "_ap-") || contains(name, ".ap_")) f.mean = f.std = kHalf;
    return f;
  }
  Published f{contains(name, "efficientnet_") ? "file name (timm's native efficientnet)"
              : mobile                        ? "file name (timm's native mobilenetv3)"
                                              : "tensor names (timm; native, not tf_)",
              {Padding::Mode::symmetric},
              1e-5f};
  f.evaluation = look_up(kTimmNative, model);
  if (contains(name, "ra4_e3600")) {
    f.mean = f.std = kHalf;
    f.evaluation = mobile ? Evaluation{256, .95} : model == "b0" ? Evaluation{256, 1.} : Evaluation{288, 1.};
  }
  if (contains(name, "_miil_")) {
    f.mean = {0.f, 0.f, 0.f};
    f.std = {1.f, 1.f, 1.f};
    f.evaluation = Evaluation{224, .875, "bilinear"};
  }
  return f;
}

}  // namespace

Convention published_convention(const TensorFile& file, const std::string& model) {
  Convention out;
  const std::string name = name_with_model(file.path());
  const std::optional<Naming> naming = detect_naming(file);
  if (!naming) return out;

  std::string network = model;
  std::smatch found;
  if (network.empty()) {
    if (const auto detected = detect_model(file, *naming)) {
      network = *detected;
      out.model = {network, "the tensors' shapes", true};
    } else if (std::regex_search(name, found, std::regex("efficientnet[_-](b[0-7]|lite[0-4])"))) {
      network = found[1].str();
      out.model = {network, "file name", true};
    }
  }

  Published f;
  switch (*naming) {
    case Naming::timm: f = timm_family(network, name); break;
    case Naming::torchvision: f = torchvision_family(network, name); break;
    case Naming::efficientnet_pytorch: f = efficientnet_pytorch_family(network, name); break;
  }
  out.padding = {f.padding, f.source, true};
  out.bn_eps = {f.bn_eps, f.source, true};
  out.mean = {f.mean, f.source, true};
  out.std = {f.std, f.source, true};
  if (f.evaluation) {
    out.resolution = {f.evaluation->resolution, f.source, true};
    out.crop_pct = {f.evaluation->crop_pct, f.source, true};
    out.interpolation = {f.evaluation->interpolation, f.source, true};
    out.crop_rule = {*naming == Naming::torchvision ? "torchvision" : "timm", f.source, true};
  }
  return out;
}

}  // namespace mcnn
