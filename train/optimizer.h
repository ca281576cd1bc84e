// The optimizer of a run: which tensors it updates, its moments, the norm of the gradients, averaged weights.
#pragma once
#include <string>
#include <vector>

#include "kernels/program.h"
#include "layers/parameters.h"
#include "train/optimizer_options.h"

namespace mcnn {

class Optimizer {
 public:
  /// Zeroed moments for every trainable parameter, averages (if options.ema is on) equal to the weights.
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  /// Adds one update from the gradients, at the learning rate and step of the backend's StepState. norm (1): the gradients' 2-norm
  /// before clipping, without the loss scale; where that is NaN or infinite nothing was changed.
  void add_update(Program& program, const Tensor& norm) const;
  /// The update alone, at once; returns the norm.
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
  Parameters& parameters_;
  Ops& ops_;
  Arena arena_;
  OptimizerOptions options_;
  Tensor m_, v_;     // as parameters_.trained_values(); v_ absent: SGD
  Tensor averages_;  // as parameters_.values(); absent: not averaged
};

}  // namespace mcnn
