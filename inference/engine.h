// Forward and backward over one batch: what happens to the numbers between the loader and the optimizer.
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

/// A batch in the backend's memory; see Batch.
struct BatchTensors {
  Tensor pixels, flips;  ///< u8
  Tensor targets;        ///< of the parameter type
};

class InferenceStep;

/// A network, the memory its steps run in and how photos enter it.
class Engine {
 public:
  /// Adds no values: initialise() or a weights file gives them. gradients: false for inference only. `storage` is the type of
  /// feature maps; f32 stands for the backend's parameter type. Throws Error if the backend cannot store them so.
  Engine(Ops& ops, const NetworkSpec& spec, const Normalisation& normalisation, bool gradients, DType storage = DType::f32);

  /// Adds forward and backward of one training step over a batch; the gradients are written to the parameters'. `smoothing` is the
  /// loss's label smoothing. loss (1).
  void add_gradients(Program& program, const BatchTensors& batch, float smoothing, const Tensor& loss) const;
  /// Adds evaluation: returns the logits, (N,K). pixels (N,H,W,3) and flips (N) u8.
  Tensor add_logits(Program& program, const Tensor& pixels, const Tensor& flips) const;

  /// add_gradients() over a batch of the host's, at once. Returns the loss.
  double gradients(const Batch& batch, const StepState& state, float smoothing);
  /// Fresh tensors for a batch of that size.
  BatchTensors tensors(Arena& arena, const Batch& batch) const;
  /// Evaluation of a batch of the host's, at once: logits, (N,K).
  std::vector<float> logits(const Batch& batch);

  ~Engine();

  /// Takes the time of every operation and layer from now on.
  void profile_with(Profiler* profiler) { profiler_ = profiler; }

  Ops& ops() { return ops_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const Model& model() const { return model_; }
  DType storage() const { return storage_; }
  /// Where the programs of this engine run.
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
  std::unique_ptr<InferenceStep> inference_;  // null: not used yet
};

}  // namespace mcnn
