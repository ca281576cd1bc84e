#include "train/engine.h"

#include "train/inference_step.h"

namespace mcnn {
Engine::Engine(Ops& ops, const NetworkSpec& spec, const Normalisation& normalisation, bool gradients, DType storage)
    : ops_(ops),
      parameters_(ops, gradients),
      model_(spec, parameters_),
      normalisation_(normalisation),
      storage_(storage == DType::f32 ? ops.parameter_type() : storage),
      arena_(ops.memory()) {
  if (!ops.supports(storage_)) fail("backend {} does not store feature maps as {}", ops.name(), name_of(storage_));
}

Engine::~Engine() = default;

Tensor Engine::images(const Context& ctx, const Tensor& pixels, const Tensor& flips) const {
  Tensor images = ctx.feature_map(pixels.shape());
  float mean[3], std[3];
  std::copy(normalisation_.mean.begin(), normalisation_.mean.end(), mean);
  std::copy(normalisation_.std.begin(), normalisation_.std.end(), std);
  ctx.ops->normalize_images(pixels, flips, mean, std, images);
  return images;
}

BatchTensors Engine::tensors(Arena& arena, const Batch& batch) const {
  return {arena.tensor({batch.n, batch.h, batch.w, 3}, DType::u8), arena.tensor({batch.n}, DType::u8),
          arena.tensor({batch.n, model_.spec().classes}, ops_.parameter_type())};
}

double Engine::gradients(const Batch& batch, const StepState& state, float smoothing) {
  BatchTensors there = tensors(arena_, batch);
  ops_.copy_from_host(batch.pixels.data(), there.pixels);
  ops_.copy_from_host(batch.flips.data(), there.flips);
  copy_floats(ops_, batch.targets, there.targets);
  ops_.begin_step(state);
  Tensor loss = arena_.tensor({1}, ops_.parameter_type());
  gradients(there, smoothing, loss);
  return scalar(ops_, loss);
}

void Engine::gradients(const BatchTensors& batch, float smoothing, Tensor& loss) {
  Tape tape;
  const Context ctx{&ops_, &arena_, &tape, storage_, true, profiler_};
  const Logits logits = model_.forward(ctx, images(ctx, batch.pixels, batch.flips));
  *logits.gradient = ctx.small(logits.value.shape());
  {
    const Profiler::Span span = ctx.layer("loss");
    ops_.cross_entropy(logits.value, batch.targets, smoothing, loss, *logits.gradient);
  }
  tape.backward();
}

std::vector<float> Engine::logits(const Batch& batch) {
  if (!ops_.records()) return logits(batch, ops_, arena_, profiler_);
  if (!inference_) inference_ = std::make_unique<InferenceStep>(*this, ops_, arena_);
  return inference_->logits(batch, profiler_);
}

std::vector<float> Engine::logits(const Batch& batch, Ops& ops, Arena& arena, Profiler* profiler) const {
  Tape tape(false);
  const Context ctx{&ops, &arena, &tape, storage_, false, profiler};
  const auto input = [&] {
    Tensor pixels = arena.tensor({batch.n, batch.h, batch.w, 3}, DType::u8), flips = arena.tensor({batch.n}, DType::u8);
    ops.copy_from_host(batch.pixels.data(), pixels);
    ops.copy_from_host(batch.flips.data(), flips);
    return images(ctx, pixels, flips);  // the pixels' memory is free from here on
  };
  return to_floats(ops, model_.forward(ctx, input()).value);
}

Tensor Engine::logits(const Tensor& pixels, const Tensor& flips, Ops& ops, Arena& arena, Profiler* profiler) const {
  Tape tape(false);
  const Context ctx{&ops, &arena, &tape, storage_, false, profiler};
  return model_.forward(ctx, images(ctx, pixels, flips)).value;
}

}  // namespace mcnn
