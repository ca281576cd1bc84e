// [weights] of a configuration: the weights that a training starts from.
#pragma once
#include <string>
#include <vector>

#include "runtime/setting.h"

namespace mcnn {

struct WeightsOptions {
  std::string init, state_dict;
  std::vector<std::string> allow_missing;
};

/// The section's keys over `options`, which must outlive them.
std::vector<Setting> settings(WeightsOptions& options);

}  // namespace mcnn
