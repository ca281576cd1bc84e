// Finds the valid name nearest to a mistyped one: "did you mean".
#pragma once
#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace mcnn {

/// The least number of insertions, deletions and replacements that turn a into b (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// "; did you mean 'epochs'?", or, if no name is near, "; valid: " and all names.
inline std::string did_you_mean(std::string_view given, const std::vector<std::string>& names) {
  std::string best;
  std::size_t distance = std::max<std::size_t>(2, given.size() / 3) + 1;
  for (const std::string& name : names)
    if (const std::size_t d = edit_distance(given, name); d < distance) {
      distance = d;
      best = name;
    }
  if (!best.empty()) return "; did you mean '" + best + "'?";
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "; valid: " : ", ") + name;
  return list;
}

}  // namespace mcnn
