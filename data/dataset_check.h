// What is in a data set and what would spoil a training on it: the work of mcnn-data check.
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
  /// Photos of the same content, or near it.
  struct Alike {
    std::vector<std::size_t> photos;  ///< indices into the data set
    bool of_several_people = false;   ///< their people are kept on one side of a split only if the bytes are the same
    bool of_several_classes = false;  ///< one of the labels is wrong
    bool mirrored = false;
    double correlation = 1;
  };

  Dataset dataset;
  Count all;
  std::vector<Count> classes;                                   ///< in label order
  std::map<std::string, std::map<std::string, int64_t>> tasks;  ///< photos by task and value, where the classes are the competition's
  std::map<std::string, int64_t> formats;                       ///< of readable photos, "jpeg": by content
  Range widths, heights, photos_of_a_person;
  std::vector<Noted> broken, odd;
  std::vector<Alike> duplicates, near_duplicates;

  std::vector<std::string> obstacles;  ///< to any training: "one class alone"

  /// What should be mended before a training: obstacles, broken photos, and alike ones of several people or classes.
  int64_t problems() const;
};

/// Decodes every photo, on `threads` threads. progress(done, all) is called now and then.
DatasetCheck check_dataset(Dataset dataset, int threads, int64_t most_pixels, const std::function<void(int64_t, int64_t)>& progress);

/// To be read by people: of each list the first `most` entries.
std::string table_of(const DatasetCheck& check, std::size_t most);
/// The same, whole, for programs. One object.
std::string json_of(const DatasetCheck& check);

}  // namespace mcnn
