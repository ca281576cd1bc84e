// A list of labelled photos, whatever folder layout it came from.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mcnn {

struct Photo {
  std::string path;
  int label = -1;      ///< index into Dataset::classes; -1 where unknown
  std::string person;  ///< photos of one person never stand on two sides of a split
};

/// Files and folders that a layout came upon and left out, by reason: "files called .webp", "dangling links".
using Skipped = std::map<std::string, int64_t>;

struct Dataset {
  std::vector<Photo> photos;
  std::vector<std::string> classes;  ///< names in label order
  bool people_known = true;          ///< false: nothing says who is on a photo; each is a person of its own
  Skipped skipped = {};
};

}  // namespace mcnn
