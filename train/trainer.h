// A whole run, from config to checkpoints: starts or resumes it. Files in its folder:
//   config.ini         the resolved configuration: reading it again gives the same run
//   log.jsonl          one line per epoch
//   split.csv          which people trained and which were held out
//   best.safetensors   weights of the best epoch on the held-out people (or of the last epoch), for mcnn-infer
//   last.safetensors   the whole state at its last checkpoint, which may be within an epoch, for --resume
//   previous.safetensors   the state before that, in case the last one is damaged
// Next: run.h builds the parts of a run, run_folder.h manages the folder, fit.h trains, recorder.h reports.
#pragma once
#include <cstdint>
#include <string>

#include "train/config.h"

namespace mcnn {

/// Options of the command line beside the configuration.
struct CommandOptions {
  bool profile = false;    ///< print the time per operation and layer after the first epoch, and write trace.json for Chrome's viewer
  int64_t stop_after = 0;  ///< steps, for profiling and tests; 0: the whole run
};

/// Starts the run of `config` in config.run.dir, which must be new, empty, or that of a run that stopped before its first
/// checkpoint. Throws Error for every mistake of the user's, and Interrupted if SIGINT, SIGTERM or SIGHUP ended the run; its state is
/// saved then.
void train(const Config& config, const CommandOptions& options = {});

/// Continues the run in `dir` where it stopped; the results are bit-identical to those of a run that did not stop. Settings of its
/// config.ini that do not change results may have been edited (device, threads, loader, paths); others are an Error. Throws as train().
void resume(const std::string& dir, const CommandOptions& options = {});

/// The network of this configuration as a table (models/layer_table.h), with the data's classes. Writes nothing.
std::string describe(const Config& config);

/// One training step of such a run, an operation a line: layer, operation, bytes of its operands, what it writes. Nothing is computed.
std::string describe_step(const Config& config);

}  // namespace mcnn
