// The parts of a run, built from its configuration: backend, split of the photos, network, optimizer, loaders. Prints notes for the user
// (say() of recorder.h). Next: fit.h trains with it.
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

/// Each member uses members before it.
struct Run {
  /// fresh: the weights are initialised as the configuration says; else the caller loads a state. Throws Error for every mistake of the
  /// user's.
  Run(Config config, bool fresh, bool profile);

  Config config;  ///< resolved: defaults that depend on the weights file are filled in, so it gives the same run without that file
  Profiler profiler;
  Backend backend;
  Split split;
  ModelDescription description;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<TrainingStep> step;
  std::unique_ptr<Loader> training, held_out;  ///< held_out is null if nobody is held out

 private:
  void split_photos(const Dataset& all);
  void describe(const std::optional<TensorFile>& file, const std::vector<std::string>& classes);
  void require_room(std::size_t photos) const;
  void make_network(const std::optional<TensorFile>& file);
  void make_loaders();
  void say_sizes() const;
};

}  // namespace mcnn
