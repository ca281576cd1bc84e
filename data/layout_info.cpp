// Reads info.csv, the competition's list of photos to classify.  Contract: layouts.h.
#include <filesystem>

#include "data/csv.h"
#include "data/folder_listing.h"
#include "data/layouts.h"
#include "runtime/error.h"

namespace mcnn {

Dataset read_info(const std::string& path, const std::string& images, int64_t classes, bool may_be_missing) {
  const Csv csv = read_csv_table(path);
  const std::size_t image = csv.column("ImageID");
  Dataset dataset;
  for (const CsvRow& row : csv.rows) {
    const std::string& id = row.fields[image];
    const std::string where = fmt::format("{}:{}", csv.name, row.line);
    if (id.empty()) fail("{}: the ImageID is empty", where);
    const std::string file = (std::filesystem::path(images) / id).string();
    if (!may_be_missing) require_file(file, where);
    int64_t label = -1;
    if (classes > 0) {
      label = csv_number(csv, row, "ans", id);
      if (label < 0 || label >= classes) fail("{}: ans {} is out of range, expected 0 to {} ({})", where, label, classes - 1, id);
    }
    dataset.photos.push_back({file, static_cast<int>(label), id});
  }
  if (dataset.photos.empty()) fail("{}: lists no photos", csv.name);
  return dataset;
}

}  // namespace mcnn
