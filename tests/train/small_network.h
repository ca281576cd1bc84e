// Networks and batches so small that a training step takes milliseconds, but with every kind of layer of a real network.
#pragma once
#include "kernels/backend.h"
#include "runtime/philox.h"
#include "train/training_step.h"

namespace mcnn {

/// All blocks of a published network, a few channels wide.
inline NetworkSpec small_spec(std::string_view published = "b0") {
  NetworkSpec spec = network_spec(published);
  spec.width = 0.25;
  spec.classes = 5;
  spec.dropout = 0.3f;
  spec.drop_path = 0.4f;
  return spec;
}

/// Random photos, half of them mirrored; photo i has class i % classes.
inline Batch random_batch(int64_t n, int64_t h, int64_t w, uint64_t seed = 1, int64_t classes = 5) {
  const Philox random{seed, stream::synthetic, 0};
  Batch batch{.n = n, .h = h, .w = w};
  for (int64_t i = 0; i < n * h * w * 3; ++i) batch.pixels.push_back(static_cast<uint8_t>(random.bits(static_cast<uint64_t>(i)) >> 24));
  batch.targets.resize(static_cast<std::size_t>(n * classes));
  for (int64_t i = 0; i < n; ++i) {
    batch.flips.push_back(static_cast<uint8_t>(i % 2));
    batch.labels.push_back(static_cast<int>(i % classes));
    batch.targets[static_cast<std::size_t>(i * classes + i % classes)] = 1.f;
    batch.photos.push_back(i);
  }
  return batch;
}

/// initialise(), then adds up to 0.3 to vectors (gammas, betas, biases, running statistics), so that they are not all equal.
inline void random_start(Engine& engine, uint64_t seed = 1) {
  initialise(engine.parameters(), seed);
  const Philox random{seed, stream::synthetic, 1};
  uint64_t draw = 0;
  for (NamedTensor& t : engine.parameters().tensors()) {
    if (t.kind != WeightKind::vector) continue;
    std::vector<float> values = to_floats(engine.ops(), t.value);
    for (float& v : values) v += 0.3f * random.uniform(draw++);
    copy_floats(engine.ops(), values, t.value);
  }
}

/// A network, its optimizer and the backend they run on: what a run has.
struct Trainee {
  std::unique_ptr<Ops> ops;
  Engine engine;
  Optimizer optimizer;
  TrainingStep whole_step;

  Trainee(const NetworkSpec& spec, const OptimizerOptions& options, uint64_t seed = 1, int threads = 1, const std::string& device = "cpu")
      : ops(make_backend(device, threads).ops),
        engine(*ops, spec, {}, true),
        optimizer((random_start(engine, seed), engine.parameters()), options),
        whole_step(engine, optimizer, 0.1f) {}

  double step(uint32_t number, const Batch& batch) {
    whole_step.upload(batch);
    whole_step.begin({.seed = 7, .step = number, .learning_rate = 1e-2f});
    return whole_step.end().loss;
  }
};

}  // namespace mcnn
