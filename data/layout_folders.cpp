// Reads the layout folders: one folder per class, with or without a folder per person inside.  Contract: layouts.h.
#include <filesystem>
#include <set>

#include "data/folder_listing.h"
#include "data/layouts.h"
#include "data/utf8.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

/// Folders already read, with links resolved, so that a link to a parent folder does not cause endless recursion.
using Visited = std::set<fs::path>;

void add_person(const fs::path& folder, int label, const std::string& person, Visited& visited, Dataset& dataset) {
  if (!visited.insert(fs::canonical(folder)).second) {
    ++dataset.skipped["links to folders that were read already"];
    return;
  }
  for (const std::string& photo : photos_in(folder.string(), dataset.skipped))
    dataset.photos.push_back({(folder / photo).string(), label, person});
  for (const std::string& inner : subfolders_of(folder.string())) add_person(folder / inner, label, person, visited, dataset);
}

}  // namespace

Dataset read_folders(const std::string& root) {
  Dataset dataset{{}, subfolders_of(root)};
  if (const std::size_t loose = photos_in(root, dataset.skipped).size(); loose > 0)
    dataset.skipped["photos beside the class folders"] += static_cast<int64_t>(loose);
  for (const std::string& name : dataset.classes) require_utf8(name, root + ": the class folder");
  if (dataset.classes.empty()) fail("{}: has no folders, expected one per class", root);
  bool person_folders = false;
  std::set<std::string> stems;
  for (std::size_t label = 0; label < dataset.classes.size(); ++label) {
    const fs::path folder = fs::path(root) / dataset.classes[label];
    const std::size_t before = dataset.photos.size();
    Visited visited = {fs::canonical(root), fs::canonical(folder)};
    for (const std::string& photo : photos_in(folder.string(), dataset.skipped)) {
      const std::string person = *stems.insert(fs::path(photo).stem().string()).first;
      dataset.photos.push_back({(folder / photo).string(), static_cast<int>(label), person});
    }
    for (const std::string& person : subfolders_of(folder.string())) {
      person_folders = true;
      add_person(folder / person, static_cast<int>(label), person, visited, dataset);
    }
    if (dataset.photos.size() == before) fail("{}: the class has no photos", folder.string());
  }
  dataset.people_known = person_folders || stems.size() < dataset.photos.size();
  return dataset;
}

}  // namespace mcnn
