// Adds a network's forward and backward to a program.  Contract: engine.h.
#include "inference/engine.h"

#include "inference/inference_step.h"

namespace mcnn {

Engine::Engine(Ops& ops, const NetworkSpec& spec, const Normalisation& normalisation, bool gradients, DType storage)
    : ops_(ops),
      parameters_(ops, gradients),
      model_(spec, parameters_),
      normalisation_(normalisation),
      storage_(storage == DType::f32 ? ops.parameter_type() : storage),
      workspace_(ops.memory()) {
  if (!ops.supports(storage_)) fail("backend {} does not store feature maps as {}", ops.name(), name_of(storage_));
}

Engine::~Engine() = default;

Tensor Engine::images(const Context& ctx, const Tensor& pixels, const Tensor& flips) const {
  const Context::Layer layer = ctx.layer("images");
  const Tensor images = ctx.feature_map(pixels.shape());
  ctx.add(NormalizeImages{pixels, flips, normalisation_.mean, normalisation_.std, images});
  return images;
}

BatchTensors Engine::upload(Arena& arena, const Batch& batch) const {
  BatchTensors there = {arena.tensor({batch.n, batch.h, batch.w, 3}, DType::u8), arena.tensor({batch.n}, DType::u8),
                        arena.tensor({batch.n, model_.spec().classes}, ops_.parameter_type())};
  ops_.copy_ahead(batch.pixels.data(), there.pixels);
  ops_.copy_ahead(batch.flips.data(), there.flips);
  if (there.targets.dtype() == DType::f32)
    ops_.copy_ahead(batch.targets.data(), there.targets);
  else
    copy_floats(ops_, batch.targets, there.targets);
  return there;
}

void Engine::add_gradients(Program& program, const BatchTensors& batch, float smoothing, const Tensor& loss) const {
  Tape tape;
  const Context ctx = Context::of(program, tape, parameters_, storage_, true);
  cross_entropy(ctx, model_.forward(ctx, images(ctx, batch.pixels, batch.flips)), batch.targets, smoothing, loss);
  tape.backward();
}

Tensor Engine::add_logits(Program& program, const Tensor& pixels, const Tensor& flips) const {
  Tape tape(false);
  const Context ctx = Context::of(program, tape, parameters_, storage_, false);
  return model_.forward(ctx, images(ctx, pixels, flips))->value;
}

double Engine::gradients(const Batch& batch, const StepState& state, float smoothing) {
  Arena arena(ops_.memory());
  const BatchTensors there = upload(arena, batch);
  ops_.begin_step(state);
  Program program;
  const Tensor loss = program.tensor({1}, ops_.parameter_type());
  program.keep(loss);
  add_gradients(program, there, smoothing, loss);
  program.plan();
  program.place(workspace_);
  program.run(ops_, profiler_);
  parameters_.changed();  // the running statistics
  return scalar(ops_, program.placed(loss));
}

std::vector<float> Engine::logits(const Batch& batch) {
  if (!inference_) inference_ = std::make_unique<InferenceStep>(*this, ops_, workspace_);
  return inference_->logits(batch, profiler_);
}

}  // namespace mcnn
