// What a folder holds, sorted by name, without dot-files.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace mcnn {

/// Names of the folders directly in `folder`. Throws Error if it cannot be read.
std::vector<std::string> subfolders_of(const std::string& folder);

/// Names of the photos (by extension) directly in `folder`; what else is there, but for folders and names that begin with a dot, is
/// counted in `skipped`. Throws Error if the folder cannot be read.
std::vector<std::string> photos_in(const std::string& folder, Skipped& skipped);

/// False also where it cannot be told.
bool is_folder(const std::string& path);

/// Throws Error "csv:line: no file '...'" unless a regular file is there.
void require_file(const std::string& path, const std::string& where);

std::string lower_case(std::string text);

}  // namespace mcnn
