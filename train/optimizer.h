// The optimizer of a run: owns its moments and the averaged weights, and adds the update to a step's program.
// Next: kernels/operations/optimizers.h has the formulas; training_step.h uses it.
#pragma once
#include <string>
#include <vector>

#include "kernels/program.h"
#include "layers/parameters.h"
#include "train/optimizer_options.h"

namespace mcnn {

class Optimizer {
 public:
  /// Makes zeroed moments for every trainable parameter and, if options.ema > 0, averages equal to the weights.
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  /// Adds one update from the gradients, at the learning rate and step of the backend's StepState. norm (1) is written: the gradients'
  /// 2-norm before clipping, without the loss scale. If it is NaN or infinite, the update changes nothing.
  void add_update(Program& program, const Tensor& norm) const;
  /// Runs one update at once and returns the norm.
  double step();

  /// Swaps weights and running statistics with their averages; a second call swaps back. Does nothing if there are no averages.
  void swap_averages();

  /// The optimizer's tensors, named for a checkpoint: "m.<parameter>", "v.<parameter>", "ema.<tensor>".
  struct State {
    std::string name;
    const NamedTensor* of;  ///< has the same shape and layout
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
  Tensor m_, v_;     // in the order of parameters_.trained_values(); v_ is absent for SGD
  Tensor averages_;  // in the order of parameters_.values(); absent: no averaging
};

}  // namespace mcnn
