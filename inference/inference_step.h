// Evaluation of one batch as a whole, from the host's pixels to the host's logits: a program for each shape of batch. A backend that can
// records it at the second batch of a shape (Ops::record), since recording costs a program that classifies one photo more than it
// saves, and replays it from the third on.
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
  InferenceStep(const Engine& engine, Ops& ops, Workspace& workspace);

  /// (N,K).
  std::vector<float> logits(const Batch& batch, Profiler* profiler = nullptr);

 private:
  struct Step {
    int64_t uses = 0, last_use = 0;
    uint64_t prepared_for = 0;  // Parameters::version()
    Program program;
    Tensor pixels, flips, logits;  // where they lie
    std::unique_ptr<Recording> recording;
  };
  /// N, H, W, and where the parameters are: an optimizer swaps them for their averages.
  using Key = std::pair<std::array<int64_t, 3>, const void*>;
  std::unique_ptr<Step> make_step(const Batch& batch) const;

  const Engine& engine_;
  Ops& ops_;
  Workspace& workspace_;
  std::map<Key, std::unique_ptr<Step>> steps_;  // the latest
  int64_t calls_ = 0;
};

}  // namespace mcnn
