#include "train/same_settings.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"

namespace mcnn {
namespace {

/// Settings that do not change results. That the photos are the same is checked by split.csv.
const std::set<std::string>& free_settings() {
  static const std::set<std::string> free = {"run.dir",
                                             "run.device",
                                             "run.threads",
                                             "run.products",
                                             "weights.init",
                                             "data.layout",
                                             "data.root",
                                             "data.csv",
                                             "data.workers",
                                             "data.cache_mb",
                                             "train.checkpoint_minutes"};
  return free;
}

}  // namespace

std::string settings_of(Config config) {
  nlohmann::json values;
  for (const Setting& s : settings(config))
    if (const std::string key = s.section + "." + s.key; !free_settings().contains(key)) values[key] = s.write();
  return values.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void require_same_settings(const std::string& then, const std::string& now) {
  const auto before = nlohmann::json::parse(then, nullptr, false), after = nlohmann::json::parse(now, nullptr, false);
  if (!before.is_object()) return;
  for (const auto& [key, value] : after.items())
    if (before.contains(key) && before[key] != value)
      fail("{} is {}, but the run began with {}; when a run is resumed only {} may change", key, value.dump(), before[key].dump(),
           fmt::join(free_settings(), ", "));
}

}  // namespace mcnn
