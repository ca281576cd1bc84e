// A run that goes on must be the run that began: its config.ini may have been changed where that leaves the results as they are.
#pragma once
#include <string>

#include "train/config.h"

namespace mcnn {

/// The configuration as a state keeps it: a JSON object of "section.key": value, without what may change.
std::string settings_of(Config config);

/// Throws Error, naming what differs and what may. `then` is empty in older states, which say nothing.
void require_same_settings(const std::string& then, const std::string& now);

}  // namespace mcnn
