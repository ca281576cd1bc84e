// What a run does, as config.ini says it: a section for each part of the program, declared where it is read. One table (settings) serves
// reading, checking, writing the resolved file back and `mcnn-train --help-config`: a key that is not in it is an error.
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
  Config() = default;  // no aggregate: of one that is made of {} GCC 12 takes the strings inside for uninitialised

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
/// Paths as absolute ones: they mean the same from anywhere.
Config with_absolute_paths(Config config);

}  // namespace mcnn
