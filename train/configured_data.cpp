#include "train/configured_data.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "data/csv.h"
#include "data/layouts.h"
#include "data/utf8.h"
#include "runtime/error.h"

namespace mcnn {

namespace fs = std::filesystem;

Dataset read_dataset(const Config& config) {
  if (config.data.layout == "csv" && config.data.csv.empty()) fail("[data] csv is not set");
  for (const std::string& name : config.data.classes) require_utf8(name, "[data] classes");
  if (config.data.layout == "csv") return read_csv(config.data.csv, config.data.root, config.data.classes);
  if (config.data.root.empty()) fail("[data] root is not set");
  if (!config.data.classes.empty()) fail("[data] classes is for layout = csv; layout = {} has its own", config.data.layout);
  return config.data.layout == "folders" ? read_folders(config.data.root) : read_competition(config.data.root);
}

std::vector<std::string> classes_of(const Config& config) {
  if (!config.data.classes.empty()) return config.data.classes;
  const bool given = config.data.layout == "csv" ? !config.data.csv.empty() : config.data.layout == "folders" && !config.data.root.empty();
  return given ? read_dataset(config).classes : competition_classes();
}

Config with_absolute_paths(Config config) {
  for (std::string* path : {&config.weights.init, &config.data.root, &config.data.csv})
    if (!path->empty()) *path = fs::absolute(*path).lexically_normal().string();
  return config;
}

std::string holdout_note(const Split& split, double wish) {
  const auto held_out = static_cast<double>(split.holdout_people), people = held_out + static_cast<double>(split.training_people);
  if (std::abs(held_out / people - wish) <= 0.05 + 1 / people) return {};
  return fmt::format(
      "[data] holdout = {}, and {:.0f}% of the people are held out: each class is to be on both sides, and {} of {} share photos with "
      "others "
      "and stay together",
      wish, 100 * held_out / people, split.merged_people, count_of_people(static_cast<int64_t>(people)));
}

std::string split_table(const Split& split) {
  std::string rows = "path,class,person,side\n";
  for (const auto& [side, set] : {std::pair("train", &split.training), std::pair("held_out", &split.holdout)})
    for (const Photo& p : set->photos)
      rows += fmt::format("{},{},{},{}\n", csv_field(p.path), csv_field(set->classes[static_cast<std::size_t>(p.label)]),
                          csv_field(p.person), side);
  return rows;
}

}  // namespace mcnn
