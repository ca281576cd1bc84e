// Lists the photos in files and folders one at a time. Only the names in one folder are in memory.
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
  /// Given files are listed whatever their names are. For a folder: its photos by name, then its subfolders in the same way. Links are
  /// followed, but each folder is read only once.
  explicit PhotoWalk(std::vector<std::string> paths, bool skips_unreadable = false)
      : paths_(std::move(paths)), skips_unreadable_(skips_unreadable) {}

  /// The next photo's path; false at the end. Throws Error if a folder cannot be read, unless skips_unreadable.
  bool next(std::string& path);
  /// Files skipped so far because they are no photos, and given folders without photos.
  const Skipped& skipped() const { return skipped_; }

 private:
  /// Reads the next folder, or the next given path; false at the end.
  bool advance();
  void open(const std::string& folder);

  std::vector<std::string> paths_;
  bool skips_unreadable_;
  std::size_t given_ = 0;            // number of paths_ begun
  std::deque<std::string> folders_;  // folders still to be read
  std::deque<std::string> photos_;   // remaining photos of the current folder
  std::string root_;                 // the given folder, until a photo is found in it
  std::set<std::filesystem::path> visited_;
  Skipped skipped_;
};

}  // namespace mcnn
