// A list of labelled photos, whatever folder layout it came from.
#pragma once
#include <string>
#include <vector>

namespace mcnn {

struct Photo {
  std::string path;
  int label = -1;      ///< index into Dataset::classes; -1 where unknown
  std::string person;  ///< photos of one person never stand on two sides of a split
};

struct Dataset {
  std::vector<Photo> photos;
  std::vector<std::string> classes;  ///< names in label order
  bool people_known = true;          ///< false: nothing says who is on a photo; each is a person of its own
};

}  // namespace mcnn
