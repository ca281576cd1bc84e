// The optimizer of a run: which tensors it updates, its moments, the norm of the gradients, averaged weights.
#pragma once
#include <string>
#include <vector>

#include "layers/parameters.h"
#include "train/optimizer_options.h"

namespace mcnn {

class Optimizer {
 public:
  /// Zeroed moments for every trainable parameter, averages (if options.ema is on) equal to the weights.
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  /// One update from the gradients, at the learning rate and step of the backend's StepState. norm (1): the gradients' 2-norm
  /// before clipping, without the loss scale; where that is NaN or infinite nothing was changed. Operations alone.
  void update(Tensor& norm);
  /// update(), and waits for the norm.
  double step();

  /// Swaps weights and running statistics with their averages; twice restores. Nothing without averaging.
  void swap_averages();

  /// Every tensor of the state beyond the weights, named for a checkpoint: "m.<parameter>", "v.<parameter>", "ema.<tensor>".
  struct State {
    std::string name;
    const NamedTensor* of;  ///< shape and layout
    Tensor value;
  };
  std::vector<State> state() const;
  /// Memory of moments and averages.
  std::size_t bytes() const { return arena_.in_use(); }

 private:
  Ops& ops_;
  Arena arena_;
  OptimizerOptions options_;
  std::vector<const NamedTensor*> trained_;
  std::vector<OptimizerSlot> slots_;
  std::vector<Tensor> gradients_;
  Tensor norm_, clip_;
  std::vector<NamedTensor*> averaged_;
  std::vector<Tensor> values_, averages_;
};

}  // namespace mcnn
