// Checks that a resumed run has the settings it began with. Settings that do not change results may differ.
#pragma once
#include <string>

#include "train/config.h"

namespace mcnn {

/// The settings that a state stores: a JSON object of "section.key": value, without those that may differ.
std::string settings_of(Config config);

/// Throws Error naming a setting that differs and all settings that may. `then` is empty in older states: nothing is compared.
void require_same_settings(const std::string& then, const std::string& now);

}  // namespace mcnn
