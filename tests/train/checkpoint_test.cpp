// A run's state on disk: it is read back unchanged, training resumes bit-identically, and misfits are refused.
// Next: train/checkpoint.h.
#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "formats/safetensors.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"
#include "tests/train/small_network.h"
#include "weights/load.h"

namespace mcnn {
namespace {

OptimizerOptions options_of(const std::string& optimizer, double ema) {
  OptimizerOptions options;
  options.name = optimizer;
  options.ema = ema;
  return options;
}

ModelDescription description_of(const NetworkSpec& spec) { return {spec, {}, {}, {"a", "b", "c", "d", "e"}}; }

/// Weights, running statistics, moments and averages.
std::map<std::string, std::vector<float>> whole_state(Trainee& trainee) {
  std::map<std::string, std::vector<float>> all;
  for (const NamedTensor& t : trainee.engine.parameters().tensors()) all[t.name] = to_floats(*trainee.ops, t.value);
  for (const Optimizer::State& s : trainee.optimizer.state()) all[s.name] = to_floats(*trainee.ops, s.value);
  return all;
}

void expect_same(Trainee& found, Trainee& expected) {
  const auto a = whole_state(found), b = whole_state(expected);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, values] : b) EXPECT_EQ(a.at(name), values) << name;
}

class Checkpoint : public testing::Test {
 protected:
  void save(Trainee& trainee, const RunProgress& progress = {1, 2, 0.5}) const {
    save_state(path, description_of(trainee.engine.model().spec()), trainee.engine.parameters(), trainee.optimizer, progress);
  }
  RunProgress load(Trainee& trainee) const { return load_state(path, trainee.engine.parameters(), trainee.optimizer); }
  std::string complaint(Trainee& trainee) const {
    return message_of([&] { load(trainee); });
  }

  TemporaryFolder folder;
  std::string path = folder / "last.safetensors";
};

class CheckpointOf : public Checkpoint, public testing::WithParamInterface<std::tuple<const char*, double>> {
 protected:
  const OptimizerOptions options = options_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
};

TEST_P(CheckpointOf, ComesBackWhole) {
  Trainee written(small_spec(), options, 1), read(small_spec(), options, 2);
  for (uint32_t i = 0; i < 2; ++i) written.step(i, random_batch(3, 32, 32, i));
  const double best = 0.1 + 0.2;  // 17 digits
  save(written, {7, int64_t{1} << 40, best, {0.25f, 1999}, 12});
  const RunProgress progress = load(read);
  expect_same(read, written);
  EXPECT_EQ(progress.epochs, 7);
  EXPECT_EQ(progress.steps, int64_t{1} << 40);
  EXPECT_EQ(progress.best_score, best);
  EXPECT_EQ(progress.loss_scale.value, 0.25f);
  EXPECT_EQ(progress.loss_scale.finite_steps, 1999);
  EXPECT_EQ(progress.left_out, 12);
}

TEST_P(CheckpointOf, TrainingGoesOnAsIfItHadNotStopped) {
  Trainee whole(small_spec(), options, 1), first(small_spec(), options, 1), second(small_spec(), options, 2);
  std::vector<double> losses;
  for (uint32_t i = 0; i < 4; ++i) losses.push_back(whole.step(i, random_batch(3, 32, 32, i)));
  for (uint32_t i = 0; i < 2; ++i) EXPECT_EQ(first.step(i, random_batch(3, 32, 32, i)), losses[i]);
  save(first);
  load(second);
  for (uint32_t i = 2; i < 4; ++i) EXPECT_EQ(second.step(i, random_batch(3, 32, 32, i)), losses[i]);
  expect_same(second, whole);
  for (Trainee* t : {&second, &whole}) t->optimizer.swap_averages();
  EXPECT_EQ(second.engine.logits(random_batch(2, 32, 32)), whole.engine.logits(random_batch(2, 32, 32)));
}

INSTANTIATE_TEST_SUITE_P(Optimizers, CheckpointOf, testing::Combine(testing::Values("adamw", "sgd"), testing::Values(0.0, 0.9)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + (std::get<1>(test.param) > 0 ? "_averaged" : "");
                         });

TEST_F(Checkpoint, OfAnotherConfigurationIsRefused) {
  Trainee plain(small_spec(), options_of("sgd", 0)), adamw(small_spec(), options_of("adamw", 0)),
      averaged(small_spec(), options_of("sgd", 0.9));
  save(plain);
  EXPECT_TRUE(says(complaint(adamw), {path, "'optimizer.v.conv_stem.weight' is missing"}));
  EXPECT_TRUE(says(complaint(averaged), {path, "'optimizer.ema.conv_stem.weight' is missing"}));
}

TEST_F(Checkpoint, OfAnotherNetworkIsRefused) {
  NetworkSpec wider = small_spec(), deeper = small_spec();
  wider.classes = 6;
  deeper.depth = 1.1;
  Trainee written(small_spec(), {}), other(wider, {}), longer(deeper, {});
  save(written);
  EXPECT_TRUE(says(complaint(other), {path, "tensor 'classifier.weight' is (5,320), expected (6,320)"}));
  EXPECT_TRUE(says(complaint(longer), {path, "is missing"}));
}

TEST_F(Checkpoint, WeightsAloneAreNoState) {
  Trainee trainee(small_spec(), {});
  save_weights(path, trainee.engine.parameters(), metadata_of(description_of(small_spec())));
  EXPECT_TRUE(says(complaint(trainee), {path, "'optimizer.m.conv_stem.weight' is missing"}));
}

TEST_F(Checkpoint, ProgressThatIsNoNumberIsRefused) {
  Trainee trainee(small_spec(), {});
  save(trainee);
  const auto rewrite = [&](const std::string& key, const std::optional<std::string>& value) {
    save(trainee);
    const TensorFile file = open_tensor_file(path);
    Metadata metadata = file.metadata();
    metadata.erase(key);
    metadata.erase("crc32");  // so that the values themselves are checked
    if (value) metadata[key] = *value;
    write_safetensors(path, file.tensors(), metadata);
  };
  for (const std::string key : {"epochs", "steps", "best_score", "loss_scale", "loss_scale_finite_steps"}) {
    for (const char* value : {"", "many", "3x", "99999999999999999999999"}) {
      if ((key == "best_score" || key == "loss_scale") && value[0] == '9') continue;  // a number, if a strange one
      rewrite(key, value);
      EXPECT_TRUE(says(complaint(trainee), {path, key, value})) << key << " = " << value;
    }
    rewrite(key, std::nullopt);
    EXPECT_TRUE(says(complaint(trainee), {path, key, "is missing"})) << key;
  }
}

TEST_F(Checkpoint, DamagedFilesAreRefused) {
  Trainee trainee(small_spec(), {});
  EXPECT_TRUE(says(complaint(trainee), {path}));
  save(trainee);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
  EXPECT_TRUE(says(complaint(trainee), {path}));
}

TEST_F(Checkpoint, ATurnedBitIsNoticedBeforeAnythingIsTaken) {
  Trainee written(small_spec(), {}, 1), read(small_spec(), {}, 2);
  save(written);
  std::ifstream whole(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  const auto before = whole_state(read);
  int refused = 0;
  constexpr int kTries = 300;
  for (int i = 0; i < kTries; ++i) {
    std::string damaged = bytes;
    const std::size_t at = i < 100 ? static_cast<std::size_t>(i) * 37 : static_cast<std::size_t>(i) * (bytes.size() / kTries);
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (i % 8)));
    folder.write("last.safetensors", damaged);
    if (complaint(read).empty())
      expect_same(read, written);  // the damaged byte has no meaning
    else
      ++refused;
    if (refused == i + 1) {
      EXPECT_EQ(whole_state(read), before) << at;
    }
  }
  EXPECT_GT(refused, kTries - 5);
}

}  // namespace
}  // namespace mcnn
