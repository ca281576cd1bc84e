// One training step as a whole: forward, backward, norm and clipping of the gradients, update, averages. A backend that can records
// it once for each shape of batch and replays it after that (Ops::record).
// The next batch is brought while a step runs, so there are two places for batches, with a recording each:
//   step.bring(first);
//   for (...) {
//     step.begin(state);
//     step.bring(next);  // if there is one
//     step.end();
//   }
#pragma once
#include <array>
#include <map>
#include <memory>

#include "inference/engine.h"
#include "train/optimizer.h"

namespace mcnn {

class TrainingStep {
 public:
  /// `smoothing` is the loss's label smoothing. Both outlive the step, and their tensors stay where they are: no step between the
  /// two calls of Optimizer::swap_averages().
  TrainingStep(Engine& engine, Optimizer& optimizer, float smoothing);

  /// Begins to copy a batch to where the next step reads it. It may be gone when this returns.
  void bring(const Batch& batch);
  /// Begins the step over the batch that was brought last.
  void begin(const StepState& state);
  struct Result {
    double loss, norm;  ///< norm: Optimizer::update
  };
  /// Waits for the step.
  Result end();

  /// Memory of the batches, at its largest.
  std::size_t bytes() const;

 private:
  struct Step {
    std::unique_ptr<Program> program;
    std::unique_ptr<Recording> recording;  // null: the program is run
  };
  struct Place {
    explicit Place(Engine& engine);
    Arena arena;                 // holds what follows and nothing else: a shape of batch always lies at the same addresses
    Tensor results, loss, norm;  // (2), and its two elements
    BatchTensors batch;
    std::map<std::array<int64_t, 3>, Step> steps;  // by N, H, W
  };
  Engine& engine_;
  Optimizer& optimizer_;
  float smoothing_;
  std::array<Place, 2> places_;
  std::size_t brought_ = 0, running_ = 0;  // places
};

}  // namespace mcnn
