#include "inference/inference_step.h"

#include <algorithm>

namespace mcnn {
namespace {
constexpr std::size_t kMostShapes = 8;                       // a graph of a network takes megabytes
constexpr std::size_t kLargestBatch = std::size_t{1} << 35;  // bytes of addresses; 30,000 photos of 600x600
}  // namespace

InferenceStep::InferenceStep(const Engine& engine, Ops& ops, Arena& arena)
    : engine_(engine), ops_(ops), arena_(arena), inputs_(ops.memory(), kLargestBatch) {}

InferenceStep::Key InferenceStep::key_of(const Batch& batch) const {
  Key key{{batch.n, batch.h, batch.w}, {}};
  for (const NamedTensor& t : engine_.parameters().tensors()) key.second.push_back(t.value.raw());
  return key;
}

std::vector<float> InferenceStep::logits(const Batch& batch, Profiler* profiler) {
  Tensor pixels = inputs_.tensor({batch.n, batch.h, batch.w, 3}, DType::u8), flips = inputs_.tensor({batch.n}, DType::u8);
  ops_.copy_ahead(batch.pixels.data(), pixels);
  ops_.copy_ahead(batch.flips.data(), flips);
  Shape& shape = shapes_[key_of(batch)];
  shape.last_use = ++calls_;
  if (shapes_.size() > kMostShapes)
    shapes_.erase(std::min_element(shapes_.begin(), shapes_.end(),
                                   [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; }));
  if (shape.recording) {
    arena_.unguard();
    shape.recording->replay();
    return to_floats(ops_, shape.logits);
  }
  Tensor logits;
  const auto run = [&] {
    logits = {};  // a second run finds the arena as the first did
    logits = engine_.logits(pixels, flips, ops_, arena_, profiler);
  };
  if (shape.uses++ == 0)
    run();
  else
    shape.recording = ops_.record(run);
  shape.logits = Tensor(logits.raw(), logits.dtype(), logits.shape());
  return to_floats(ops_, logits);
}

}  // namespace mcnn
