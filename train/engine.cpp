#include "train/engine.h"

namespace mcnn {
Engine::Engine(Ops& ops, const EfficientNetSpec& spec, const Normalisation& normalisation, bool gradients, DType storage)
    : ops_(ops),
      parameters_(ops, gradients),
      model_(spec, parameters_),
      normalisation_(normalisation),
      storage_(storage == DType::f32 ? ops.parameter_type() : storage),
      arena_(ops.memory()) {
  if (!ops.supports(storage_)) fail("backend {} does not store feature maps as {}", ops.name(), name_of(storage_));
}

Tensor Engine::input(const Context& ctx, const Batch& batch) const {
  Tensor pixels = ctx.arena->tensor({batch.n, batch.h, batch.w, 3}, DType::u8);
  Tensor flips = ctx.arena->tensor({batch.n}, DType::u8);
  ctx.ops->copy_from_host(batch.pixels.data(), pixels);
  ctx.ops->copy_from_host(batch.flips.data(), flips);
  Tensor images = ctx.feature_map(pixels.shape());
  float mean[3], std[3];
  std::copy(normalisation_.mean.begin(), normalisation_.mean.end(), mean);
  std::copy(normalisation_.std.begin(), normalisation_.std.end(), std);
  ctx.ops->normalize_images(pixels, flips, mean, std, images);
  return images;
}

double Engine::gradients(const Batch& batch, const StepState& state, float smoothing) {
  Tape tape;
  const Context ctx{&ops_, &arena_, &tape, storage_, true, profiler_};
  ops_.begin_step(state);
  // Before the forward pass: a copy waits for what a device was given to do.
  const Tensor targets = ctx.small({batch.n, model_.spec().classes});
  copy_floats(ops_, batch.targets, targets);
  const Logits logits = model_.forward(ctx, input(ctx, batch));
  const Tensor loss = cross_entropy(ctx, logits, targets, smoothing);
  tape.backward();
  return scalar(ops_, loss);
}

std::vector<float> Engine::logits(const Batch& batch) { return logits(batch, ops_, arena_, profiler_); }

std::vector<float> Engine::logits(const Batch& batch, Ops& ops, Arena& arena, Profiler* profiler) const {
  Tape tape(false);
  const Context ctx{&ops, &arena, &tape, storage_, false, profiler};
  return to_floats(ops, model_.forward(ctx, input(ctx, batch)).value);
}

}  // namespace mcnn
