// Evaluates whole batches, from pixels to logits in host memory. It keeps a program for each shape of batch, and prepares it (batch norms,
// 16-bit weights) once for each change of the parameters. A backend that can (Ops::record) records the program at the second batch of a
// shape and replays it from the third on; at the first batch, recording would slow down programs that classify a single photo.
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
  /// `ops` must use the same kind of memory as the engine's backend; `workspace` is the working memory. All three must outlive this
  /// object. The engine's parameters may change their values and addresses between calls.
  InferenceStep(const Engine& engine, Ops& ops, Workspace& workspace);

  /// Returns the logits, (N,K).
  std::vector<float> logits(const Batch& batch, Profiler* profiler = nullptr);

 private:
  struct Step {
    int64_t uses = 0, last_use = 0;
    uint64_t prepared_for = 0;  // Parameters::version()
    Program program;
    Tensor pixels, flips, logits;  // placed in the workspace
    std::unique_ptr<Recording> recording;
  };
  /// N, H, W, and the address of the parameters, which Optimizer::swap_averages() changes.
  using Key = std::pair<std::array<int64_t, 3>, const void*>;
  std::unique_ptr<Step> make_step(const Batch& batch) const;

  const Engine& engine_;
  Ops& ops_;
  Workspace& workspace_;
  std::map<Key, std::unique_ptr<Step>> steps_;  // the kMostShapes used last
  int64_t calls_ = 0;
};

}  // namespace mcnn
