// What a folder holds, sorted by name, without dot-files.
#pragma once
#include <string>
#include <vector>

namespace mcnn {

/// Names of the folders / of the photos (by extension) directly in `folder`. Throws Error if it cannot be read.
std::vector<std::string> subfolders_of(const std::string& folder);
std::vector<std::string> photos_in(const std::string& folder);

/// False also where it cannot be told.
bool is_folder(const std::string& path);

/// Throws Error "csv:line: no file '...'" unless a regular file is there.
void require_file(const std::string& path, const std::string& where);

std::string lower_case(std::string text);

}  // namespace mcnn
