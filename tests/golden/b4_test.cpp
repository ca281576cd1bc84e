// B4 with its public weights against PyTorch: the output of block 30, and a whole training step in float64.
#include <gtest/gtest.h>

#include <cmath>

#include "models/model.h"
#include "tests/cases/compare.h"
#include "tests/golden/exempt.h"
#include "tests/golden/golden_folder.h"
#include "weights/load.h"

namespace mcnn {
namespace {

constexpr std::array<float, 3> kMean = {0.485f, 0.456f, 0.406f}, kStd = {0.229f, 0.224f, 0.225f};

class B4Golden : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_IF_ABSENT(real, "MCNN_GOLDEN");
    SKIP_IF_ABSENT(weights, "MCNN_WEIGHTS");
  }

  static NetworkSpec spec() {
    NetworkSpec spec = network_spec("b4");
    spec.classes = 18;
    spec.padding = Padding::parse("same");
    spec.dropout = spec.drop_path = 0.f;
    return spec;
  }

  void load_partial(const Model& model, Parameters& parameters) const {
    const TensorFile file = open_tensor_file((weights / "efficientnet-b4-partial.safetensors").string());
    load_weights(file, model.network(), parameters,
                 {.allow_missing = {"blocks.6.1.conv_pw.weight", "blocks.6.1.conv_pwl.weight", "classifier.*", "_fc.*"}});
  }

  /// The photos as PIL prepared them, normalised.
  Tensor photos(const nlohmann::json& names) {
    const TensorFile file = open_tensor_file((real / "expected.safetensors").string());
    std::vector<std::byte> bytes;
    for (const std::string name : names) {
      const StoredTensor* photo = file.find("preprocess224." + name);
      if (!photo) fail("{} lacks {}", file.path(), name);
      bytes.insert(bytes.end(), photo->bytes.begin(), photo->bytes.end());
    }
    const auto n = static_cast<int64_t>(names.size());
    Tensor pixels = arena.tensor({n, 224, 224, 3}, DType::u8), images = arena.tensor({n, 224, 224, 3});
    ops->copy_from_host(bytes.data(), pixels);
    ops->run(NormalizeImages{pixels, {}, kMean, kStd, images});
    return images;
  }

  std::filesystem::path real = real_folder(), weights = data_folder("MCNN_WEIGHTS", "weights");
  std::unique_ptr<Ops> ops = make_cpu_ops();
  Arena arena{ops->memory()};
};

TEST_F(B4Golden, FeaturesOfTheLastCompleteBlock) {
  const TensorFile expected = open_tensor_file((real / "expected.safetensors").string());
  const StoredTensor* reference = expected.find("b4.blocks.6.0");
  ASSERT_NE(reference, nullptr);
  nlohmann::json names = read_json(real / "index.json").at("photos");
  names.erase(names.begin() + reference->shape[0], names.end());
  Parameters parameters(*ops, false);
  const Model model(spec(), parameters);
  load_partial(model, parameters);
  Program program;
  Workspace workspace(ops->memory());
  Tape tape(false);
  const Feature y = model.features(Context::of(program, tape, parameters, DType::f32, false), photos(names), "blocks.6.0")->value;
  for (const Tensor& t : {y.raw, y.norm.scale, y.norm.shift}) program.keep(t);
  program.run_once(*ops, workspace);

  // z = scale*raw + shift, (N,H,W,C) -> (N,C,H,W)
  const Tensor raw = program.placed(y.raw), scales = program.placed(y.norm.scale), shifts = program.placed(y.norm.shift);
  const float *values = raw.data<float>(), *scale = scales.data<float>(), *shift = shifts.data<float>();
  const int64_t pixels = raw.h() * raw.w(), channels = raw.c();
  std::vector<double> found(static_cast<std::size_t>(raw.size()));
  for (int64_t n = 0; n < raw.n(); ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        found[static_cast<std::size_t>((n * channels + c) * pixels + p)] = scale[c] * values[(n * pixels + p) * channels + c] + shift[c];
  EXPECT_EQ(cases::disagreement({"b4.blocks.6.0", found, 1e-4}, {"b4.blocks.6.0", as_doubles(*reference), 1e-4}), "");
}

double norm_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  return std::sqrt(squares);
}

TEST_F(B4Golden, OneTrainingStep) {
  const nlohmann::json recipe = read_json(real / "b4_step.json");
  const TensorFile expected = open_tensor_file((real / "b4_step.safetensors").string());
  NetworkSpec b4 = spec();
  b4.bn_eps = recipe.at("bn_eps");
  b4.bn_momentum = recipe.at("bn_momentum");
  b4.padding = Padding::parse(recipe.at("padding").get<std::string>());
  Parameters parameters(*ops, true);
  const Model model(b4, parameters);
  load_partial(model, parameters);
  for (const auto& [name, formula] : recipe.at("set_by_hand").items()) {
    if (name == "i") continue;  // explains the formulas' i
    NamedTensor* t = parameters.find(name);
    ASSERT_NE(t, nullptr) << name;
    float amplitude = 0, frequency = 0;  // "0.02*sin(0.37*i)" or "0"
    ASSERT_GE(std::sscanf(formula.get<std::string>().c_str(), "%f*sin(%f*i)", &amplitude, &frequency), 1) << name;
    std::vector<float> values(static_cast<std::size_t>(t->value.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(static_cast<double>(amplitude) *
                                     std::sin(static_cast<double>(std::round(frequency * 1e6f) / 1e6) * static_cast<double>(i)));
    from_torch(*ops, *t, values.data(), t->value);
  }

  const auto labels = recipe.at("labels").get<std::vector<int>>();
  const auto n = static_cast<int64_t>(labels.size());
  Tensor targets = arena.tensor({n, 18});
  ops->run(Fill{targets, 0.f});
  for (int64_t i = 0; i < n; ++i) targets.data<float>()[i * 18 + labels[static_cast<std::size_t>(i)]] = 1.f;
  Program program;
  Workspace workspace(ops->memory());
  Tape tape;
  const Context ctx = Context::of(program, tape, parameters, DType::f32, true);
  ops->begin_step({});
  const Vectors logits = model.forward(ctx, photos(recipe.at("photos")));
  const Tensor of_batch = cross_entropy(ctx, logits, targets, recipe.at("label_smoothing"));
  program.keep(of_batch);
  tape.backward();
  program.run_once(*ops, workspace);
  const double loss = scalar(*ops, program.placed(of_batch));

  EXPECT_NEAR(loss / as_doubles(*expected.find("loss"))[0], 1.0, 5e-4);
  const Exempt exempt = exempt_tensors(model.network());
  const std::vector<double> norms = as_doubles(*expected.find("norms"));
  const auto names = recipe.at("parameters").get<std::vector<std::string>>();
  ASSERT_EQ(names.size(), norms.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const NamedTensor* t = parameters.find(names[i]);
    ASSERT_NE(t, nullptr) << names[i];
    const double found = norm_of(to_torch(*ops, *t, t->gradient));
    if (exempt.betas.contains(names[i])) {
      ASSERT_GT(i, 0u);
      EXPECT_LE(found, 1e-4 * norms[i - 1]) << names[i] << " against its gamma's";  // the gamma stands before its beta
    } else if (norms[i] == 0.0) {
      EXPECT_LE(found, 1e-4) << names[i];
    } else {
      EXPECT_NEAR(found / norms[i], 1.0, 1e-3) << "gradient norm of " << names[i];
    }
  }
  for (const StoredTensor& reference : expected.tensors()) {
    const bool gradient = reference.name.starts_with("grad.");
    std::string name = reference.name;
    if (gradient) name = name.substr(5);
    for (const char* statistic : {"running_mean", "running_var"})
      if (name.starts_with(std::string(statistic) + ".")) name = name.substr(std::string(statistic).size() + 1) + "." + statistic;
    const NamedTensor* t = parameters.find(name);
    if (!t) continue;  // loss, norms
    const std::vector<float> found = to_torch(*ops, *t, gradient ? t->gradient : t->value);
    EXPECT_EQ(cases::disagreement({reference.name, std::vector<double>(found.begin(), found.end()), 1e-3},
                                  {reference.name, as_doubles(reference), 1e-3}),
              "");
  }
}

}  // namespace
}  // namespace mcnn
