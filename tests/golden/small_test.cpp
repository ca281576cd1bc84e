// Small networks against PyTorch: logits in every public convention and container, and a training of six steps.
// Sizes, padding, eps and names come from the folder's index.json; the exceptions are those of gradients that are zero in
// exact arithmetic: the beta of a linear batch norm whose only readers are 1x1 convolutions followed by a batch norm.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/backend.h"
#include "models/model.h"
#include "tests/cases/compare.h"
#include "tests/golden/exempt.h"
#include "tests/golden/golden_folder.h"
#include "train/optimizer.h"
#include "weights/load.h"
#include "weights/verify.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

NetworkSpec spec_of(const nlohmann::json& index, const nlohmann::json& golden_case) {
  return {.name = "small",
          .family = network_spec(index.value("network", "b0")).family,
          .width = index.at("width"),
          .depth = index.at("depth"),
          .classes = index.at("classes"),
          .padding = Padding::parse(golden_case.at("padding").get<std::string>()),
          .bn_eps = golden_case.at("bn_eps")};
}

const StoredTensor& stored(const TensorFile& file, const std::string& name) {
  const StoredTensor* tensor = file.find(name);
  if (!tensor) fail("{} lacks {}", file.path(), name);
  return *tensor;
}

cases::Output output(const std::string& name, const std::vector<float>& values, double tolerance) {
  return {name, std::vector<double>(values.begin(), values.end()), tolerance};
}

void expect_close(const std::string& name, const std::vector<float>& found, const StoredTensor& reference, double tolerance) {
  EXPECT_EQ(cases::disagreement(output(name, found, tolerance), {name, as_doubles(reference), tolerance}), "");
}

/// "sim_vendor": its products through the seam to cuBLAS and cuDNN.
std::unique_ptr<Ops> backend_named(const std::string& name) {
  return name == "sim_vendor" ? make_backend("sim", 0, nullptr, {"vendor"}).ops : make_backend(name, 0).ops;
}

class SmallGolden : public testing::TestWithParam<std::tuple<fs::path, std::string>> {
 protected:
  fs::path folder = std::get<0>(GetParam());
  std::unique_ptr<Ops> ops = backend_named(std::get<1>(GetParam()));
  Arena arena{ops->memory()};
  Workspace workspace{ops->memory()};
  nlohmann::json index = read_json(folder / "index.json");
  TensorFile expected = open_tensor_file((folder / "expected.safetensors").string());

  bool kept() const { return is_kept(folder); }
};

TEST_P(SmallGolden, LogitsOfEveryConvention) {
  ASSERT_FALSE(index.at("cases").empty());
  for (const auto& [name, golden_case] : index.at("cases").items()) {
    Parameters parameters(*ops, false);
    const Model model(spec_of(index, golden_case), parameters);
    EXPECT_EQ(parameters.count(), golden_case.at("parameters").get<int64_t>()) << name;
    for (const fs::path& file : containers(folder, name)) {
      SCOPED_TRACE(file.string());
      initialise(parameters, 1);  // what the file before left must not answer for this one
      load_weights(open_tensor_file(file.string()), model.network(), parameters);
      expect_close(name + ".logits", logits_of(model, parameters, stored(expected, "x")), stored(expected, name + ".logits_f64"), 1e-4);
      if (const StoredTensor* other = expected.find("x_other_size"))
        expect_close(name + ".logits_other_size", logits_of(model, parameters, *other), stored(expected, name + ".logits_other_size"),
                     1e-4);
      else
        EXPECT_TRUE(kept()) << "no images of another size";
    }
  }
}

double norm_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  return std::sqrt(squares);
}

TEST_P(SmallGolden, TrainingOfSixSteps) {
  const nlohmann::json& training = index.at("training");
  const std::string start = training.at("start");
  NetworkSpec spec = spec_of(index, index.at("cases").at(start));
  spec.bn_momentum = training.at("bn_momentum");
  Parameters parameters(*ops, true);
  const Model model(spec, parameters);
  load_weights(open_tensor_file((folder / (start + ".safetensors")).string()), model.network(), parameters);
  const Exempt exempt = exempt_tensors(model.network());

  OptimizerOptions options;  // the recipe of index.json
  options.weight_decay = 5e-4;
  constexpr float kLearningRate = 1e-3f, kSmoothing = 0.1f;
  Optimizer optimizer(parameters, options);
  const Tensor images = images_of(*ops, arena, stored(expected, "x"));
  std::vector<float> one_hot(static_cast<std::size_t>(images.n() * spec.classes));
  const std::vector<float> labels = as_floats(stored(expected, "labels"));
  for (std::size_t n = 0; n < labels.size(); ++n)
    one_hot[n * static_cast<std::size_t>(spec.classes) + static_cast<std::size_t>(labels[n])] = 1.f;
  Tensor targets = arena.tensor({images.n(), spec.classes}, ops->parameter_type());
  copy_floats(*ops, one_hot, targets);

  const auto losses = training.at("losses_f64").get<std::vector<double>>(),
             norms = training.at("grad_norms_f64").get<std::vector<double>>();
  for (std::size_t step = 0; step < losses.size(); ++step) {
    Program program;
    Tape tape;
    const Context ctx = Context::of(program, tape, parameters, ops->parameter_type(), true);
    ops->begin_step({.step = static_cast<uint32_t>(step), .learning_rate = kLearningRate});
    const Vectors logits = model.forward(ctx, images);
    const Tensor of_batch = cross_entropy(ctx, logits, targets, kSmoothing);
    program.keep(of_batch);
    tape.backward();
    program.run_once(*ops, workspace);
    const double loss = scalar(*ops, program.placed(of_batch));
    EXPECT_NEAR(loss, losses[step], 5e-4 * losses[step]) << "loss of step " << step;
    if (step == 0) {
      for (const NamedTensor& t : parameters.tensors()) {
        if (!t.trainable) continue;
        const std::vector<float> gradient = to_torch(*ops, t, t.gradient);
        if (exempt.betas.contains(t.name)) {
          const std::string gamma = t.name.substr(0, t.name.size() - 4) + "weight";
          EXPECT_LE(norm_of(gradient), 1e-4 * norm_of(as_floats(stored(expected, "grad." + gamma)))) << t.name;
        } else {
          expect_close("gradient of " + t.name, gradient, stored(expected, "grad." + t.name), 1e-3);
        }
      }
    }
    EXPECT_NEAR(optimizer.step(), norms[step], 1e-3 * norms[step]) << "gradient norm of step " << step;
  }

  for (const NamedTensor& t : parameters.tensors()) {
    const StoredTensor* after = expected.find("after6." + t.name);
    if (after == nullptr && kept()) continue;  // the case kept with the tests leaves the state out
    const std::vector<double> reference = as_doubles(after != nullptr ? *after : stored(expected, "after6." + t.name));
    const std::vector<float> found = to_torch(*ops, t, t.value);
    ASSERT_EQ(found.size(), reference.size()) << t.name;
    double squares = 0, reference_squares = 0, largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double error = std::abs(found[i] - reference[i]);
      ASSERT_FALSE(std::isnan(error)) << t.name;
      largest = std::max(largest, error);
      squares += error * error;
      reference_squares += reference[i] * reference[i];
    }
    EXPECT_LE(largest, 12 * static_cast<double>(kLearningRate)) << t.name << " after six steps";
    if (exempt.betas.contains(t.name) || exempt.means.contains(t.name)) continue;
    EXPECT_LE(std::sqrt(squares), 1e-3 * std::sqrt(reference_squares)) << t.name << " after six steps";
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, SmallGolden,
                         testing::Combine(testing::ValuesIn(small_folders()), testing::Values("ref", "cpu", "sim", "sim_vendor")),
                         [](const auto& test) {
                           const fs::path& folder = std::get<0>(test.param);
                           return (is_kept(folder) ? "kept_" : "golden_") + folder.filename().string() + "_" + std::get<1>(test.param);
                         });

TEST(GoldenFolder, IsThere) { SKIP_IF_ABSENT(real_folder(), "MCNN_GOLDEN"); }

}  // namespace
}  // namespace mcnn
