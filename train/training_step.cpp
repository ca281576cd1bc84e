#include "train/training_step.h"

namespace mcnn {
namespace {
constexpr std::size_t kLargestBatch = std::size_t{1} << 35;  // bytes of addresses; 30,000 photos of 600x600
}

TrainingStep::Place::Place(Engine& engine)
    : arena(engine.ops().memory(), kLargestBatch),
      results(arena.tensor({2}, engine.ops().parameter_type())),
      loss(results.raw(), results.dtype(), {1}),
      norm(static_cast<std::byte*>(results.raw()) + size_of(results.dtype()), results.dtype(), {1}) {}

TrainingStep::TrainingStep(Engine& engine, Optimizer& optimizer, float smoothing)
    : engine_(engine), optimizer_(optimizer), smoothing_(smoothing), places_{Place(engine), Place(engine)} {}

void TrainingStep::bring(const Batch& batch) {
  brought_ = 1 - running_;
  Ops& ops = engine_.ops();
  BatchTensors& there = places_[brought_].batch;
  there = {};  // before the next are made: an empty arena gives the same addresses again
  there = engine_.tensors(places_[brought_].arena, batch);
  ops.copy_ahead(batch.pixels.data(), there.pixels);
  ops.copy_ahead(batch.flips.data(), there.flips);
  if (there.targets.dtype() == DType::f32)
    ops.copy_ahead(batch.targets.data(), there.targets);
  else
    copy_floats(ops, batch.targets, there.targets);
}

void TrainingStep::begin(const StepState& state) {
  running_ = brought_;
  Place& place = places_[running_];
  engine_.ops().begin_step(state);
  const Shape& shape = place.batch.pixels.shape();
  std::unique_ptr<Recording>& recording = place.recordings[{shape[0], shape[1], shape[2]}];
  if (recording) {
    engine_.arena().unguard();
    return recording->replay();
  }
  recording = engine_.ops().record([&] {
    engine_.gradients(place.batch, smoothing_, place.loss);
    optimizer_.update(place.norm);
  });
}

TrainingStep::Result TrainingStep::end() {
  const std::vector<float> results = to_floats(engine_.ops(), places_[running_].results);
  return {results[0], results[1]};
}

std::size_t TrainingStep::bytes() const { return places_[0].arena.peak() + places_[1].arena.peak(); }

}  // namespace mcnn
