// Lists the photos and subfolders of a folder, sorted by name, without dot-files.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace mcnn {

/// Names of the folders directly in `folder`. Throws Error if it cannot be read.
std::vector<std::string> subfolders_of(const std::string& folder);

/// Names of the photos (by extension) directly in `folder`. Other files are counted in `skipped`, except those whose names begin with a
/// dot. Throws Error if the folder cannot be read.
std::vector<std::string> photos_in(const std::string& folder, Skipped& skipped);

/// Whether `path` is a folder; false also if that cannot be determined.
bool is_folder(const std::string& path);

/// Throws Error "csv:line: no file '...'" unless `path` is a regular file; `where` is "csv:line".
void require_file(const std::string& path, const std::string& where);

std::string lower_case(std::string text);

}  // namespace mcnn
