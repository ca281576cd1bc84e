// Forward and backward over one batch: everything between the loader and the optimizer.
// Next: models/model.h runs the layers; inference_step.h evaluates, train/training_step.h trains.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/batch.h"
#include "models/model.h"

namespace mcnn {

/// (x/255 - mean)/std per channel.
struct Normalisation {
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};  ///< ImageNet's
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};
};

/// A batch (data/batch.h) in the backend's memory.
struct BatchTensors {
  Tensor pixels, flips;  ///< u8
  Tensor targets;        ///< of the parameter type
};

class InferenceStep;

/// A network, its parameters, the memory its steps run in, and the normalisation of its input.
class Engine {
 public:
  /// Parameters have no values yet: call initialise() or load_weights(). gradients: false for inference only. `storage` is the type of
  /// feature maps; f32 stands for the backend's parameter type. Throws Error if the backend does not support it.
  Engine(Ops& ops, const NetworkSpec& spec, const Normalisation& normalisation, bool gradients, DType storage = DType::f32);

  /// Adds forward and backward of one training step over a batch. It writes loss (1) and the gradients of all parameters. `smoothing` is
  /// the loss's label smoothing.
  void add_gradients(Program& program, const BatchTensors& batch, float smoothing, const Tensor& loss) const;
  /// Adds evaluation and returns the logits, (N,K). pixels (N,H,W,3) and flips (N) are u8.
  Tensor add_logits(Program& program, const Tensor& pixels, const Tensor& flips) const;

  /// Runs add_gradients() at once over a batch in host memory. Returns the loss.
  double gradients(const Batch& batch, const StepState& state, float smoothing);
  /// A copy in the arena; operations queued before may still run and must not use that memory (Ops::copy_ahead).
  BatchTensors upload(Arena& arena, const Batch& batch) const;
  /// Evaluates a batch in host memory at once. Returns the logits, (N,K).
  std::vector<float> logits(const Batch& batch);

  ~Engine();

  /// Reports the time of every operation and layer to `profiler` from now on; null: no longer.
  void profile_with(Profiler* profiler) { profiler_ = profiler; }

  Ops& ops() { return ops_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const Model& model() const { return model_; }
  DType storage() const { return storage_; }
  /// The memory in which this engine's programs run.
  Workspace& workspace() { return workspace_; }
  const Workspace& workspace() const { return workspace_; }
  Profiler* profiler() const { return profiler_; }

 private:
  Tensor images(const Context& ctx, const Tensor& pixels, const Tensor& flips) const;

  Ops& ops_;
  Parameters parameters_;
  Model model_;
  Normalisation normalisation_;
  DType storage_;
  Workspace workspace_;
  Profiler* profiler_ = nullptr;
  std::unique_ptr<InferenceStep> inference_;  // made by the first call of logits()
};

}  // namespace mcnn
