// One whole training step: forward, backward, norm and clipping of the gradients, update, averages. It is a program (kernels/program.h)
// for each shape of batch; a backend that can (Ops::record) records it once and replays it from then on.
// upload() copies the next batch to the device while a step runs. So there are two slots for batches, each with its own programs:
//   step.upload(first);
//   for (...) {
//     step.begin(state);
//     step.upload(next);  // if there is one
//     step.end();
//   }
// Next: inference/engine.h adds the gradients, optimizer.h the update; fit.cpp is the loop.
#pragma once
#include <array>
#include <map>
#include <memory>

#include "inference/engine.h"
#include "train/optimizer.h"

namespace mcnn {

class TrainingStep {
 public:
  /// `smoothing` is the loss's label smoothing. Engine and optimizer must outlive this object, and their tensors must keep their
  /// addresses: run no step while Optimizer::swap_averages() has swapped them.
  TrainingStep(Engine& engine, Optimizer& optimizer, float smoothing);

  /// Begins to copy a batch to the device for the next step. The caller may free the batch when this returns.
  void upload(const Batch& batch);
  /// Begins the step over the batch that was copied last.
  void begin(const StepState& state);
  struct Result {
    double loss, norm;  ///< norm: as Optimizer::add_update
  };
  /// Waits for the step.
  Result end();

  /// The program of the step that began last.
  const Program& program() const { return *current_; }

  /// Peak memory of the batches.
  std::size_t bytes() const;

 private:
  struct Step {
    std::unique_ptr<Program> program;
    std::unique_ptr<Recording> recording;  // null: the program runs each time
  };
  struct Slot {
    explicit Slot(Engine& engine);
    Arena arena;                 // only for the tensors below, so that batches of one shape always have the same addresses
    Tensor results, loss, norm;  // results (2); loss and norm are its two elements
    BatchTensors batch;
    std::map<std::array<int64_t, 3>, Step> steps;  // by N, H, W
  };
  Engine& engine_;
  Optimizer& optimizer_;
  float smoothing_;
  std::array<Slot, 2> slots_;
  const Program* current_ = nullptr;
  std::size_t next_ = 0, running_ = 0;  // slots of the batch copied last, and of the step that runs
};

}  // namespace mcnn
