// The configuration of a run, as in config.ini. Each section is declared by the part of the program that reads it. One table of all keys
// (settings) is used to read, check and write the file and for `mcnn-train --help-config`; a key that is not in it is an error.
#pragma once
#include <string>
#include <vector>

#include "data/data_options.h"
#include "models/model_options.h"
#include "runtime/setting.h"
#include "train/run_options.h"
#include "train/training_options.h"
#include "weights/weights_options.h"

namespace mcnn {

struct Config {
  Config() = default;  // else Config is an aggregate, and GCC 12 warns that strings in Config{} are uninitialised

  RunOptions run;
  ModelOptions model;
  WeightsOptions weights;
  DataOptions data;
  TrainingOptions train;
};

/// The table over `config`, which must outlive it.
std::vector<Setting> settings(Config& config);

/// Reads `path` over the defaults. Throws Error naming file, section and key.
Config read_config(const std::string& path);
/// Applies "section.key=value", as given on a command line.
void override_setting(Config& config, const std::string& assignment);
/// The whole table as an ini file, each key under its explanation.
std::string write_config(const Config& config);
/// The configuration with absolute paths, which do not depend on the current folder.
Config with_absolute_paths(Config config);

}  // namespace mcnn
