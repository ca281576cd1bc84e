#include "data/configured_data.h"

#include <fmt/format.h>

#include <cmath>

#include "data/csv.h"
#include "data/layouts.h"
#include "data/utf8.h"
#include "runtime/error.h"

namespace mcnn {

Dataset read_dataset(const DataOptions& options) {
  if (options.layout == "csv" && options.csv.empty()) fail("[data] csv is not set");
  for (const std::string& name : options.classes) require_utf8(name, "[data] classes");
  if (options.layout == "csv") return read_csv(options.csv, options.root, options.classes);
  if (options.root.empty()) fail("[data] root is not set");
  if (!options.classes.empty()) fail("[data] classes is for layout = csv; layout = {} has its own", options.layout);
  return options.layout == "folders" ? read_folders(options.root) : read_competition(options.root);
}

std::vector<std::string> classes_of(const DataOptions& options) {
  if (!options.classes.empty()) return options.classes;
  const bool given = options.layout == "csv" ? !options.csv.empty() : options.layout == "folders" && !options.root.empty();
  return given ? read_dataset(options).classes : competition_classes();
}

std::string holdout_note(const Split& split, double requested) {
  const auto held_out = static_cast<double>(split.holdout_people), people = held_out + static_cast<double>(split.training_people);
  if (std::abs(held_out / people - requested) <= 0.05 + 1 / people) return {};
  return fmt::format(
      "[data] holdout = {}, but {:.0f}% of the people are held out: each class must be on both sides, and {} of {} share photos with "
      "others and stay together",
      requested, 100 * held_out / people, split.merged_people, count_of_people(static_cast<int64_t>(people)));
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
