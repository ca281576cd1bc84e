// The epochs of a run: train, evaluate on the held-out people, log, save the best weights and the state.
#pragma once
#include "train/recorder.h"
#include "train/run.h"
#include "train/run_folder.h"

namespace mcnn {

/// Continues from `progress` until the configured epochs are done, or stops after step `stop_after` (0: no limit); then an unfinished
/// epoch is not saved. SIGINT, SIGTERM and SIGHUP end it: it saves the state and throws Interrupted.
void fit(Run& run, RunFolder& folder, Recorder& recorder, RunProgress progress, int64_t stop_after);

}  // namespace mcnn
