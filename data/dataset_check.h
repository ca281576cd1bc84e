// Checks a data set for `mcnn-data check`: counts its photos and finds problems that would spoil a training.
// Next: dataset_check.cpp collects, dataset_check_text.cpp prints.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/near_duplicates.h"

namespace mcnn {

struct DatasetCheck {
  struct Count {
    int64_t photos = 0, people = 0;
  };
  struct Range {
    int64_t least = 0, median = 0, most = 0;
  };
  struct Noted {
    std::string path, what;
  };
  /// Photos with the same bytes, or near-duplicates.
  struct Alike {
    std::vector<std::size_t> photos;  ///< indices into the data set
    bool of_several_people = false;   ///< a split keeps these people on one side only if the bytes are the same
    bool of_several_classes = false;  ///< at least one label is wrong
    bool mirrored = false;
    double correlation = 1;
  };

  Dataset dataset;
  Count all;
  std::vector<Count> classes;                                   ///< in label order
  std::map<std::string, std::map<std::string, int64_t>> tasks;  ///< photos by task and value, if the classes are the competition's
  std::map<std::string, int64_t> formats;                       ///< readable photos by format ("jpeg"), recognised by content
  Range widths, heights, photos_of_a_person;
  std::vector<Noted> broken, odd;
  std::vector<Alike> duplicates, near_duplicates;

  std::vector<std::string> obstacles;  ///< reasons why a training is impossible: "photos of only one class"

  /// The number of problems to fix before a training: obstacles, broken photos, and duplicates of several people or classes.
  int64_t problems() const;
};

/// Decodes every photo, on `threads` threads, and calls progress(done, all) from time to time.
DatasetCheck check_dataset(Dataset dataset, int threads, int64_t most_pixels, const std::function<void(int64_t, int64_t)>& progress);

/// The report as text, with the first `most` entries of each list.
std::string table_of(const DatasetCheck& check, std::size_t most);
/// The whole report as one JSON object.
std::string json_of(const DatasetCheck& check);

}  // namespace mcnn
