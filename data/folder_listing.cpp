// Lists folders with std::filesystem; its errors become messages.  Contract: folder_listing.h.
#include "data/folder_listing.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "data/heif.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

template <class Wanted>
std::vector<std::string> sorted_names(const std::string& folder, Wanted wanted) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  std::vector<std::string> names;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.starts_with(".")) continue;
    std::error_code unreadable;  // a dangling link: neither file nor folder
    if (wanted(*entry, unreadable)) names.push_back(std::move(name));
  }
  if (error) fail("{}: the folder cannot be read: {}", folder, error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<std::string> subfolders_of(const std::string& folder) {
  return sorted_names(folder, [](const fs::directory_entry& entry, std::error_code& error) { return entry.is_directory(error); });
}

std::vector<std::string> photos_in(const std::string& folder, Skipped& skipped) {
  static const std::set<std::string> extensions = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp"},
                                     of_heif = {".heic", ".heif", ".hif", ".avif"};
  const auto is_read = [&](const std::string& extension) {
    return extensions.contains(extension) || (of_heif.contains(extension) && decodes_heif());  // called last: it loads the library
  };
  return sorted_names(folder, [&](const fs::directory_entry& entry, std::error_code& error) {
    if (entry.is_directory(error)) return false;
    const std::string extension = lower_case(entry.path().extension().string());
    std::string reason;
    if (!entry.exists(error))
      reason = entry.is_symlink(error) ? "dangling links" : "files that cannot be looked at";
    else if (!entry.is_regular_file(error))
      reason = "pipes, devices and sockets";
    else if (!is_read(extension))
      reason = extension.empty() ? "files without an extension" : "files called " + extension;
    if (!reason.empty()) ++skipped[reason];
    return reason.empty();
  });
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void require_file(const std::string& path, const std::string& where) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) fail("{}: no file '{}'", where, path);
}

}  // namespace mcnn
