// [data] of a configuration: the photos, their split, and their preprocessing.
// Next: configured_data.h reads them, loader.h loads them.
#pragma once
#include <string>
#include <vector>

#include "runtime/setting.h"

namespace mcnn {

struct DataOptions {
  std::string layout = "competition";
  std::string root;
  std::string csv;
  std::vector<std::string> classes;
  double holdout = 0.1;
  int resize = 0;
  int crop = 224;
  std::string interpolation = "bicubic";
  std::string crop_rule = "timm";
  bool flip = true;
  bool skip_broken = false;
  double max_megapixels = 100;
  int workers = 1;
  int cache_mb = 2048;
  std::vector<double> mean, std;
};

/// The section's keys over `options`, which must outlive them.
std::vector<Setting> settings(DataOptions& options);

}  // namespace mcnn
