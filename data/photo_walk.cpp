#include "data/photo_walk.h"

#include "data/folder_listing.h"
#include "runtime/error.h"

namespace mcnn {

namespace fs = std::filesystem;

void PhotoWalk::open(const std::string& folder) {
  std::error_code unreadable;
  if (skips_unreadable_ && fs::directory_iterator(folder, unreadable) == fs::directory_iterator() && unreadable) {
    ++skipped_["folders that cannot be read"];
    return;
  }
  if (!visited_.insert(fs::canonical(folder)).second) {
    ++skipped_["links to folders that were read already"];
    return;
  }
  for (const std::string& name : photos_in(folder, skipped_)) photos_.push_back((fs::path(folder) / name).string());
  std::deque<std::string> inside;
  for (const std::string& name : subfolders_of(folder)) inside.push_back((fs::path(folder) / name).string());
  folders_.insert(folders_.begin(), inside.begin(), inside.end());
  if (!photos_.empty()) root_.clear();
}

bool PhotoWalk::advance() {
  if (!folders_.empty()) {
    const std::string folder = std::move(folders_.front());
    folders_.pop_front();
    open(folder);
    return true;
  }
  if (!root_.empty()) ++skipped_["folders without photos"];
  root_.clear();
  if (given_ == paths_.size()) return false;
  const std::string& path = paths_[given_++];
  if (is_folder(path)) {
    visited_.clear();  // a folder given twice is listed twice
    root_ = path;
    open(path);
  } else {
    photos_.push_back(path);
  }
  return true;
}

bool PhotoWalk::next(std::string& path) {
  while (photos_.empty())
    if (!advance()) return false;
  path = std::move(photos_.front());
  photos_.pop_front();
  return true;
}

}  // namespace mcnn
