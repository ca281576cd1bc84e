// last.safetensors: everything a run needs to continue bit-identically: weights, the optimizer's moments, averages, and progress.
// (best.safetensors is written by save_weights() of weights/load.h.)
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
  int64_t left_out = 0;    ///< training photos found unreadable so far
  int64_t batches = 0;     ///< done in the unfinished epoch
  double loss_sum = 0;     ///< of these batches
  std::string settings;    ///< settings_of() of same_settings.h: a JSON object of "section.key": value; empty in older states
};

/// Writes the file completely or not at all.
void save_state(const std::string& path, const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer,
                const RunProgress& progress);

/// Throws Error if the checksum differs, a tensor is missing, or a tensor's shape differs.
RunProgress load_state(const std::string& path, Parameters& parameters, Optimizer& optimizer);

}  // namespace mcnn
