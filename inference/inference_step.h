// Evaluation of one batch as a whole, from the host's pixels to the host's logits. A backend that can records it at the second batch
// of a shape (Ops::record), for a program that sees one photo pays nothing for that, and replays it from the third on.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "inference/engine.h"

namespace mcnn {

class InferenceStep {
 public:
  /// With a backend over the same memory as the engine's, and working memory. All outlive the step; the engine's parameters may change
  /// their values and their places.
  InferenceStep(const Engine& engine, Ops& ops, Arena& arena);

  /// (N,K).
  std::vector<float> logits(const Batch& batch, Profiler* profiler = nullptr);

 private:
  struct Shape {
    int64_t uses = 0, last_use = 0;
    std::unique_ptr<Recording> recording;
    Tensor logits;  // where it leaves them; the memory is the arena's
  };
  /// N, H, W, and where the parameters are: an optimizer swaps them for their averages.
  using Key = std::pair<std::array<int64_t, 3>, std::vector<const void*>>;
  Key key_of(const Batch& batch) const;

  const Engine& engine_;
  Ops& ops_;
  Arena& arena_;
  Arena inputs_;                 // holds one batch and nothing else: a shape always lies at the same addresses
  std::map<Key, Shape> shapes_;  // the latest
  int64_t calls_ = 0;
};

}  // namespace mcnn
