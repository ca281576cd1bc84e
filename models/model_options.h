// [model] of a configuration: the network, and settings that differ from the published ones.
#pragma once
#include <string>
#include <vector>

#include "runtime/dtype.h"
#include "runtime/setting.h"

namespace mcnn {

struct ModelOptions {
  std::string name = "b4";
  double width = 0, depth = 0;
  std::string padding = "auto";
  std::string storage = "f32";
  double bn_eps = 0;
  double bn_momentum = 0.1;
  bool frozen_norm = false;
  double dropout = -1, drop_path = -1;
};

/// The section's keys. `options` must outlive them.
std::vector<Setting> settings(ModelOptions& options);

/// Its `storage`.
DType storage_type(const ModelOptions& options);

}  // namespace mcnn
