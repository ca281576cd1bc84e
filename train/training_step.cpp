// Contract: training_step.h.
#include "train/training_step.h"

namespace mcnn {
namespace {
constexpr std::size_t kLargestBatch = std::size_t{1} << 35;  // bytes of addresses to reserve: enough for 30,000 photos of 600x600
}

TrainingStep::Slot::Slot(Engine& engine)
    : arena(engine.ops().memory(), kLargestBatch),
      results(arena.tensor({2}, engine.ops().parameter_type())),
      loss(results.raw(), results.dtype(), {1}),
      norm(static_cast<std::byte*>(results.raw()) + size_of(results.dtype()), results.dtype(), {1}) {}

TrainingStep::TrainingStep(Engine& engine, Optimizer& optimizer, float smoothing)
    : engine_(engine), optimizer_(optimizer), smoothing_(smoothing), slots_{Slot(engine), Slot(engine)} {}

void TrainingStep::upload(const Batch& batch) {
  next_ = 1 - running_;
  BatchTensors& there = slots_[next_].batch;
  there = {};  // freed first: an empty arena gives a batch of the same shape the same addresses
  there = engine_.upload(slots_[next_].arena, batch);
}

void TrainingStep::begin(const StepState& state) {
  running_ = next_;
  Slot& slot = slots_[running_];
  Ops& ops = engine_.ops();
  ops.begin_step(state);
  engine_.parameters().changed();
  const Shape& shape = slot.batch.pixels.shape();
  Step& step = slot.steps[{shape[0], shape[1], shape[2]}];
  current_ = step.program.get();
  if (step.recording) return step.recording->replay();
  if (!step.program) {
    step.program = std::make_unique<Program>();
    // Without ownership: upload() frees these tensors, and gives the next batch of this shape the same addresses.
    const BatchTensors batch{slot.batch.pixels.unowned(), slot.batch.flips.unowned(), slot.batch.targets.unowned()};
    engine_.add_gradients(*step.program, batch, smoothing_, slot.loss);
    optimizer_.add_update(*step.program, slot.norm);
    step.program->plan();
    step.program->place(engine_.workspace());
    current_ = step.program.get();
  }
  step.recording = ops.record([&] { step.program->run(ops, engine_.profiler()); });
}

TrainingStep::Result TrainingStep::end() {
  const std::vector<float> results = to_floats(engine_.ops(), slots_[running_].results);
  return {results[0], results[1]};
}

std::size_t TrainingStep::bytes() const { return slots_[0].arena.peak() + slots_[1].arena.peak(); }

}  // namespace mcnn
