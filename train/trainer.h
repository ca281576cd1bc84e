// A run from config to checkpoints: the folder it writes, its epochs, what is logged and kept.
//   config.ini         the resolved configuration: reading it again gives the same run
//   log.jsonl          one line per epoch
//   split.csv          which people trained and which were held out
//   best.safetensors   weights of the best epoch on the held-out people (or of the last), for mcnn-infer
//   last.safetensors   the whole state after the last finished epoch, or within an epoch, for --resume
//   previous.safetensors   the state before, in case the last one is damaged
// Next: run.h builds what is trained, run_folder.h keeps it, fit.h trains, recorder.h says how it goes.
#pragma once
#include <cstdint>
#include <string>

#include "train/config.h"

namespace mcnn {

/// What a command line asks for beside the configuration.
struct CommandOptions {
  bool profile = false;    ///< time per operation and layer after the first epoch, and trace.json for Chrome's viewer
  int64_t stop_after = 0;  ///< steps, for profiling and tests; 0: the whole run
};

/// Starts the run of `config` in config.run.dir, which must be new, empty, or that of a run that stopped before its first
/// checkpoint. Throws Error: everything a user can get wrong.
void train(const Config& config, const CommandOptions& options = {});

/// Both throw Interrupted where SIGINT, SIGTERM or SIGHUP ends them: the state is saved then.
/// Goes on where the run in `dir` stopped, to the bit as if it had not. Its config.ini may have been changed where that leaves the results
/// as they are (device, threads, loader, paths); anything else is an Error that names it.
void resume(const std::string& dir, const CommandOptions& options = {});

/// The network of such a run as a table (models/layer_table.h), its classes those of the data. Nothing is written.
std::string describe(const Config& config);

/// One training step of such a run, an operation a line: layer, operation, bytes of its operands, what it writes. Nothing is computed.
std::string describe_step(const Config& config);

}  // namespace mcnn
