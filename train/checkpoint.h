// last.safetensors: everything a run needs to go on as if it had not stopped: weights, the optimizer's moments, averages,
// and how far it had come. (best.safetensors is save_weights() of weights/load.h.)
#pragma once
#include <string>

#include "inference/description.h"
#include "train/loss_scale.h"
#include "train/optimizer.h"

namespace mcnn {

struct RunProgress {
  int epochs = 0;          ///< finished
  int64_t steps = 0;       ///< finished
  double best_score = -1;  ///< macro F1 of the epoch in best.safetensors; -1: none yet
  LossScale loss_scale{};  ///< used where feature maps are fp16
  int64_t left_out = 0;    ///< training photos that cannot be read, as far as is known
  int64_t batches = 0;     ///< of the epoch that is not finished
  double loss_sum = 0;     ///< over these
  std::string settings;    ///< the configuration: a JSON object of "section.key": value; empty in older states
};

/// Written whole or not at all.
void save_state(const std::string& path, const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer,
                const RunProgress& progress);

/// Throws Error if a bit is not as it was written, and if a tensor is missing or does not fit.
RunProgress load_state(const std::string& path, Parameters& parameters, Optimizer& optimizer);

}  // namespace mcnn
