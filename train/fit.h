// The epochs of a run: train, evaluate on the held-out people, record, keep the best weights and the state.
#pragma once
#include "train/recorder.h"
#include "train/run.h"
#include "train/run_folder.h"

namespace mcnn {

/// Goes on from `progress` until the configured epochs are done, or behind step `stop_after` (0: never), of which only whole epochs are
/// saved. Throws Interrupted where SIGINT, SIGTERM or SIGHUP ends it: the state is saved then.
void fit(Run& run, RunFolder& folder, Recorder& recorder, RunProgress progress, int64_t stop_after);

}  // namespace mcnn
