// What a run is made of, built from its configuration: backend, photos dealt to two sides, network, optimizer, loaders. What is
// noteworthy on the way is said (recorder.h). Next: fit.h trains with it.
#pragma once
#include <memory>
#include <optional>

#include "data/loader.h"
#include "data/split.h"
#include "inference/description.h"
#include "kernels/backend.h"
#include "runtime/profiler.h"
#include "train/config.h"
#include "train/training_step.h"

namespace mcnn {

/// Members are in the order in which they need each other.
struct Run {
  /// fresh: the weights start as the configuration says; else a state will bring them. Throws Error: everything a user can get wrong.
  Run(Config config, bool fresh, bool profile);

  Config config;  ///< with what the weights or the model decided: read again, also without the weights file, it gives the same run
  Profiler profiler;
  Backend backend;
  Split split;
  ModelDescription description;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<TrainingStep> step;
  std::unique_ptr<Loader> training, held_out;  ///< held_out is null where nobody is

 private:
  void deal(const Dataset& all);
  void describe(const std::optional<TensorFile>& file, const std::vector<std::string>& classes);
  void require_room(std::size_t photos) const;
  void make_network(const std::optional<TensorFile>& file);
  void make_loaders();
  void say_sizes() const;
};

}  // namespace mcnn
