// Photos of files and folders, one after the other: at most the names in one folder are in memory.
#pragma once
#include <deque>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace mcnn {

class PhotoWalk {
 public:
  /// Files as they are, whatever they are called; of a folder the photos by name, then its folders likewise, links followed once.
  explicit PhotoWalk(std::vector<std::string> paths, bool skips_unreadable = false)
      : paths_(std::move(paths)), skips_unreadable_(skips_unreadable) {}

  /// The next photo's path; false: there is none. Throws Error where a folder cannot be read, unless such are skipped.
  bool next(std::string& path);
  /// What lay in the folders and is no photo, so far, and folders that were given and have none.
  const Skipped& skipped() const { return skipped_; }

 private:
  /// Takes the next folder in, or the next path that was given; false: there is none.
  bool advance();
  void open(const std::string& folder);

  std::vector<std::string> paths_;
  bool skips_unreadable_;
  std::size_t given_ = 0;            // of paths_, those that were begun
  std::deque<std::string> folders_;  // still to be read
  std::deque<std::string> photos_;   // of the folder that is open
  std::string root_;                 // the folder that was given, while nothing was found in it
  std::set<std::filesystem::path> visited_;
  Skipped skipped_;
};

}  // namespace mcnn
