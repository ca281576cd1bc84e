// A list of labelled photos, independent of the layout it was read from.
// Next: layouts.h reads one.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mcnn {

struct Photo {
  std::string path;
  int label = -1;      ///< index into Dataset::classes; -1 if unknown
  std::string person;  ///< a split keeps all photos of one person on one side
};

/// Numbers of files and folders that were left out, by reason: "files called .webp", "dangling links".
using Skipped = std::map<std::string, int64_t>;

struct Dataset {
  std::vector<Photo> photos;
  std::vector<std::string> classes;  ///< names in label order
  bool people_known = true;          ///< false: the data set does not say who is on a photo, so each photo counts as another person
  Skipped skipped = {};
};

}  // namespace mcnn
