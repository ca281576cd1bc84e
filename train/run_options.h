// [run] of a configuration: the folder a run is written to, and the device it runs on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/setting.h"

namespace mcnn {

struct RunOptions {
  std::string dir = "runs/run";
  uint64_t seed = 0;
  std::string device = "auto";
  int threads = 0;
  std::string products = "auto";
  bool allow_tf32 = false;
};

/// The section's keys over `options`, which must outlive them.
std::vector<Setting> settings(RunOptions& options);

}  // namespace mcnn
