// A training step that is recorded and replayed gives the bits of one that is not: with a learning rate that changes, masks that are
// drawn anew, batches of two shapes in turn, steps that overflow, and the next batch copied while a step runs.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "emulator/streams.h"
#include "inference/inference_step.h"
#include "kernels/checked_ops.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/kernel_name.h"
#include "runtime/profiler.h"
#include "tests/train/small_network.h"
#include "train/config.h"

namespace mcnn {
namespace {

constexpr float kSmoothing = 0.1f;

/// A network, its optimizer and averages on the emulator.
struct Recorded {
  std::unique_ptr<Ops> ops;
  Engine engine;
  Optimizer optimizer;
  TrainingStep step;

  explicit Recorded(const Config& config, Profiler* profiler = nullptr)
      : ops(checked(std::make_unique<cuda::CudaOps>(), profiler)),
        engine(*ops, small_spec(), {}, true, storage_type(config.model)),
        optimizer((random_start(engine), engine.parameters()), config.train.optimizer),
        step(engine, optimizer, kSmoothing) {}

  /// Weights, statistics, moments, averages.
  std::vector<std::vector<float>> state() {
    std::vector<std::vector<float>> all;
    for (const NamedTensor& t : engine.parameters().tensors()) all.push_back(to_floats(*ops, t.value));
    for (const Optimizer::State& s : optimizer.state()) all.push_back(to_floats(*ops, s.value));
    return all;
  }
};

Config config_with(const std::string& optimizer, const std::string& storage) {
  Config config;
  config.train.optimizer.name = optimizer;
  config.train.optimizer.ema = 0.5;
  config.train.optimizer.clip_norm = 0.5;
  config.model.storage = storage;
  return config;
}

class RecordedStep : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(RecordedStep, GivesTheBitsOfOneThatIsNot) {
  const Config config = config_with(std::get<0>(GetParam()), std::get<1>(GetParam()));
  Recorded eager(config), recorded(config);
  struct Turn {
    int64_t n, h, w;
    bool overflows = false;
  };
  // Two places for batches: the third step of a shape in a row is the first that is replayed.
  const std::vector<Turn> turns = {{2, 16, 16}, {2, 16, 16}, {2, 16, 16, true}, {3, 8, 24}, {3, 8, 24}, {3, 8, 24}, {2, 16, 16}};
  const auto batch_of = [&](std::size_t turn) { return random_batch(turns[turn].n, turns[turn].h, turns[turn].w, 100 + turn); };

  const int64_t replays_before = simt::graph_launches();
  uint32_t number = 0;
  std::vector<std::vector<float>> before;
  recorded.step.upload(batch_of(0));
  for (std::size_t turn = 0; turn < turns.size(); ++turn) {
    SCOPED_TRACE(turn);
    const float scale = turns[turn].overflows ? 0x1p126f : 1024.f;
    const StepState state{.seed = 7, .step = number, .learning_rate = 1e-2f / static_cast<float>(1 + turn), .loss_scale = scale};
    recorded.step.begin(state);
    if (turn + 1 < turns.size()) recorded.step.upload(batch_of(turn + 1));
    const auto [loss, norm] = recorded.step.end();

    EXPECT_EQ(loss, eager.engine.gradients(batch_of(turn), state, kSmoothing));
    const double eager_norm = eager.optimizer.step();
    ASSERT_EQ(std::isfinite(norm), !turns[turn].overflows);
    EXPECT_TRUE(norm == eager_norm || turns[turn].overflows);
    const auto now = recorded.state();
    ASSERT_EQ(now, eager.state());
    EXPECT_NE(now, before);  // where a step overflows the running statistics move
    before = now;
    if (std::isfinite(norm)) ++number;
  }
  // Two recordings of each shape: what is left was replayed.
  EXPECT_EQ(simt::graph_launches() - replays_before, static_cast<int64_t>(turns.size()) - 4);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecordedStep, testing::Values(std::tuple("adamw", "f32"), std::tuple("sgd", "bf16")),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::get<1>(test.param); });

TEST(Recording, SurvivesOthersThatGrowScratchMemoryAndUseTheSameTables) {
  const Config config = config_with("adamw", "f32");
  Recorded alone(config), disturbed(config);
  for (uint32_t i = 0; i < 4; ++i) {
    for (Recorded* each : {&alone, &disturbed}) {
      each->step.upload(random_batch(2, 16, 16, i));
      each->step.begin({.seed = 7, .step = i, .learning_rate = 1e-2f});
      each->step.end();
    }
    // Larger batches in evaluation, and another network's step on the same backend.
    Engine other(*disturbed.ops, small_spec(), {}, true);
    random_start(other, 2);
    Optimizer others(other.parameters(), config.train.optimizer);
    other.gradients(random_batch(4, 8 + 8 * i, 24, i), {.seed = 1, .learning_rate = 0.1f}, 0.f);
    others.step();
    disturbed.engine.logits(random_batch(3, 16 + 8 * i, 16, i));
    ASSERT_EQ(disturbed.state(), alone.state()) << i;
  }
}

/// Two steps that are recorded, one for each place of a batch, and one that is replayed.
void three_steps(Profiler& profiler) {
  Recorded timed(config_with("adamw", "f32"), &profiler);
  timed.engine.profile_with(&profiler);
  for (uint32_t i = 0; i < 3; ++i) {
    timed.step.upload(random_batch(2, 16, 16, i));
    const auto span = profiler.step();
    timed.step.begin({.step = i});
    timed.step.end();
  }
}

TEST(Recording, TakesTheTimeOfEachKernel) {
  Profiler profiler;
  profiler.enable(true);
  const int64_t before = simt::graph_launches();
  three_steps(profiler);
  EXPECT_EQ(simt::graph_launches(), before + 1);

  std::map<std::string, std::set<std::string>> kernels;
  std::set<std::string> layers;
  std::map<std::string, int64_t> bytes;
  for (const Profiler::Row& row : profiler.rows()) {
    kernels[row.operation].insert(row.kernel.substr(0, row.kernel.find('<')));
    layers.insert(row.layer);
    bytes[row.operation] += row.bytes;
    EXPECT_GT(row.seconds, 0) << row.kernel;
  }
  // A convolution waits for the batch norm behind it: its kernel is its own all the same, and does the batch norm's work.
  EXPECT_EQ(kernels["depthwise_forward"], std::set<std::string>{"depthwise_forward_kernel"});
  EXPECT_EQ(kernels["depthwise_backward"], std::set<std::string>{"depthwise_backward_kernel"});
  EXPECT_EQ(kernels["squeeze_excite_forward"], (std::set<std::string>{"multiply_parts", "compute_gate"}));
  EXPECT_FALSE(kernels.contains("batch_norm_forward"));
  EXPECT_TRUE(kernels.contains("adamw"));
  EXPECT_TRUE(layers.contains("conv_stem"));
  EXPECT_GT(bytes["depthwise_forward"], 0);
  EXPECT_GT(bytes["adamw"], 0);
  EXPECT_NE(profiler.tables().find("\nkernel "), std::string::npos);
}

TEST(Recording, IsNotMadeWhileEachLaunchWaits) {
  Profiler profiler;
  profiler.enable(true);
  setenv("MCNN_CUDA_SYNC", "1", 1);
  const int64_t before = simt::graph_launches();
  three_steps(profiler);
  unsetenv("MCNN_CUDA_SYNC");
  EXPECT_EQ(simt::graph_launches(), before);
  EXPECT_FALSE(profiler.rows().empty()) << "operations are timed from outside then";
}

TEST(Recording, NamesOfKernelsAreShort) {
  for (const auto& [demangled, name] : std::vector<std::pair<std::string, std::string>>{
           {"void mcnn::cuda::(anonymous namespace)::pool_rows<float, (int)4>(float*, int)", "pool_rows<float, 4>"},
           {"void mcnn::cuda::<unnamed>::pool_rows<float, 4>(const float *)", "pool_rows<float, 4>"},
           {"void mcnn::cuda::multiply<(mcnn::cuda::ProductRung)4, mcnn::cuda::Product<mcnn::cuda::Rows<__half, (int)8>, (bool)1> >(T1)",
            "multiply<4, Product<Rows<__half, 8>, 1> >"},
           {"mcnn::cuda::(anonymous namespace)::write_state(StepState*, StepState)", "write_state"},
           {"plain", "plain"}})
    EXPECT_EQ(cuda::short_kernel_name(demangled), name);
}

std::vector<float> unrecorded_logits(Recorded& of, const Batch& batch) {
  Workspace workspace(of.ops->memory());
  return InferenceStep(of.engine, *of.ops, workspace).logits(batch);  // its first batch
}

TEST(Recording, OfInferenceGivesTheSameBitsAndFollowsTheWeights) {
  Recorded recorded(config_with("adamw", "bf16"));
  const Batch photos[] = {random_batch(2, 16, 16, 1), random_batch(3, 16, 16, 2)};
  const auto train = [&](uint32_t number) {
    recorded.step.upload(photos[0]);
    recorded.step.begin({.step = number, .learning_rate = 1e-2f});
    recorded.step.end();
  };
  const int64_t before = simt::graph_launches();
  for (uint32_t round = 0; round < 2; ++round) {
    for (int use = 0; use < 4; ++use)
      for (const Batch& batch : photos) EXPECT_EQ(recorded.engine.logits(batch), unrecorded_logits(recorded, batch)) << round << " " << use;
    train(round);
  }
  EXPECT_GE(simt::graph_launches(), before + 8);
  // Averages lie elsewhere: what was recorded over the parameters is not replayed for them.
  const std::vector<float> of_parameters = recorded.engine.logits(photos[0]);
  recorded.optimizer.swap_averages();
  const std::vector<float> of_averages = recorded.engine.logits(photos[0]);
  EXPECT_EQ(of_averages, unrecorded_logits(recorded, photos[0]));
  recorded.optimizer.swap_averages();
  EXPECT_EQ(recorded.engine.logits(photos[0]), of_parameters);
  EXPECT_NE(of_averages, of_parameters);
}

TEST(Recording, OfWhatACaptureDoesNotAllowIsRefusedByName) {
  cuda::CudaOps ops;
  Arena arena(ops.memory());
  Tensor x = arena.tensor({4});
  float values[4];
  const auto message = [&](const std::function<void()>& step) {
    try {
      ops.record(step);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(message([&] { ops.copy_from_host(values, x); }).find("not permitted when stream is capturing"), std::string::npos);
  EXPECT_NE(message([&] { ops.wait(); }).find("not permitted when stream is capturing"), std::string::npos);
  EXPECT_EQ(message([&] { ops.run(Fill{x, 2.f}); }), "") << "the stream is sound afterwards";
}

}  // namespace
}  // namespace mcnn
