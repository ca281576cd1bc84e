#include "inference/inference_step.h"

#include <algorithm>

namespace mcnn {
namespace {
constexpr std::size_t kMostShapes = 8;  // programs kept at a time: the CUDA graph of a network needs megabytes
}  // namespace

InferenceStep::InferenceStep(const Engine& engine, Ops& ops, Workspace& workspace) : engine_(engine), ops_(ops), workspace_(workspace) {}

std::unique_ptr<InferenceStep::Step> InferenceStep::make_step(const Batch& batch) const {
  auto step = std::make_unique<Step>();
  Program& program = step->program;
  const Tensor pixels = program.tensor({batch.n, batch.h, batch.w, 3}, DType::u8), flips = program.tensor({batch.n}, DType::u8);
  program.input(pixels);
  program.input(flips);
  const Tensor logits = engine_.add_logits(program, pixels, flips);
  program.keep(logits);
  program.plan();
  program.place(workspace_);
  step->pixels = program.placed(pixels);
  step->flips = program.placed(flips);
  step->logits = program.placed(logits);
  return step;
}

std::vector<float> InferenceStep::logits(const Batch& batch, Profiler* profiler) {
  const Parameters& parameters = engine_.parameters();
  std::unique_ptr<Step>& found = steps_[{{batch.n, batch.h, batch.w}, parameters.values().raw()}];
  if (!found) found = make_step(batch);
  Step& step = *found;
  step.last_use = ++calls_;
  if (steps_.size() > kMostShapes)
    steps_.erase(std::min_element(steps_.begin(), steps_.end(),
                                  [](const auto& a, const auto& b) { return a.second->last_use < b.second->last_use; }));
  if (step.prepared_for != parameters.version()) step.program.prepare(ops_, profiler);
  step.prepared_for = parameters.version();

  ops_.copy_ahead(batch.pixels.data(), step.pixels);
  ops_.copy_ahead(batch.flips.data(), step.flips);
  if (step.recording) {
    step.recording->replay();
  } else if (ops_.records() && step.uses++ > 0) {
    step.recording = ops_.record([&] { step.program.run(ops_, profiler); });
  } else {
    step.program.run(ops_, profiler);
  }
  return to_floats(ops_, step.logits);
}

}  // namespace mcnn
