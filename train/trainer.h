// A run from config to checkpoints: the folder it writes, its epochs, what is logged and kept.
//   config.ini         the resolved configuration: reading it again gives the same run
//   log.jsonl          one line per epoch
//   split.csv          which people trained and which were held out
//   best.safetensors   weights of the best epoch on the held-out people (or of the last), for mcnn-infer
//   last.safetensors   the whole state after the last finished epoch, for --resume
#pragma once
#include <string>

#include "train/config.h"

namespace mcnn {

struct TrainOptions {
  bool profile = false;    ///< time per operation and layer after the first epoch, and trace.json for Chrome's viewer
  int64_t stop_after = 0;  ///< steps, for profiling and tests; 0: the whole run
};

/// Starts the run of `config` in config.run.dir, which must be new, empty, or that of a run that stopped before its first
/// checkpoint. Throws Error: everything a user can get wrong.
void train(const Config& config, const TrainOptions& options = {});

/// Goes on where the run in `dir` stopped, to the bit as if it had not.
void resume(const std::string& dir, const TrainOptions& options = {});

/// The network of such a run as a table (models/layer_table.h), its classes those of the data. Nothing is written.
std::string describe(const Config& config);

}  // namespace mcnn
