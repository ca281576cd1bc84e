// [train] of a configuration: epochs, batch, optimizer and schedule, and which weights are saved.
#pragma once
#include <string>
#include <vector>

#include "runtime/setting.h"
#include "train/optimizer_options.h"

namespace mcnn {

struct TrainingOptions {
  int epochs = 10;
  int batch = 32;
  OptimizerOptions optimizer;
  double learning_rate = 1e-3;
  double warmup_epochs = 0;
  double label_smoothing = 0.1;
  double checkpoint_minutes = 10;
  std::string select = "best";
};

/// The section's keys over `options`, which must outlive them.
std::vector<Setting> settings(TrainingOptions& options);

}  // namespace mcnn
