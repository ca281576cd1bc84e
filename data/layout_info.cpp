// The competition's list of photos to be classified.  Contract: layouts.h.
#include <filesystem>

#include "data/csv.h"
#include "data/folder_listing.h"
#include "data/layouts.h"
#include "runtime/error.h"

namespace mcnn {

Dataset read_info(const std::string& path, const std::string& images, bool answers_known) {
  const Csv csv = read_csv_table(path);
  const std::size_t image = csv.column("ImageID");
  Dataset dataset{{}, competition_classes()};
  for (const CsvRow& row : csv.rows) {
    const std::string& id = row.fields[image];
    const std::string where = fmt::format("{}:{}", csv.name, row.line);
    if (id.empty()) fail("{}: the ImageID is empty", where);
    const std::string file = (std::filesystem::path(images) / id).string();
    require_file(file, where);
    int64_t label = -1;
    if (answers_known) {
      const int64_t classes = static_cast<int64_t>(dataset.classes.size());
      label = csv_number(csv, row, "ans", id);
      if (label < 0 || label >= classes) fail("{}: ans {} is out of range, expected 0 to {} ({})", where, label, classes - 1, id);
    }
    dataset.photos.push_back({file, static_cast<int>(label), id});
  }
  if (dataset.photos.empty()) fail("{}: lists no photos", csv.name);
  return dataset;
}

}  // namespace mcnn
