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
  Ops& ops = engine_.ops();
  ops.begin_step(state);
  engine_.parameters().changed();
  const Shape& shape = place.batch.pixels.shape();
  Step& step = place.steps[{shape[0], shape[1], shape[2]}];
  if (step.recording) return step.recording->replay();
  if (!step.program) {
    step.program = std::make_unique<Program>();
    // The next batch of this shape will lie where this one does: bring().
    const BatchTensors batch{place.batch.pixels.unowned(), place.batch.flips.unowned(), place.batch.targets.unowned()};
    engine_.add_gradients(*step.program, batch, smoothing_, place.loss);
    optimizer_.add_update(*step.program, place.norm);
    step.program->plan();
    step.program->place(engine_.workspace());
  }
  step.recording = ops.record([&] { step.program->run(ops, engine_.profiler()); });
}

TrainingStep::Result TrainingStep::end() {
  const std::vector<float> results = to_floats(engine_.ops(), places_[running_].results);
  return {results[0], results[1]};
}

std::size_t TrainingStep::bytes() const { return places_[0].arena.peak() + places_[1].arena.peak(); }

}  // namespace mcnn
