// Puts a list, which may be long, into one line of a message.
#pragma once
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mcnn {

/// "a, b, c, d and 17 more"
inline std::string listed(const std::vector<std::string>& items) {
  const std::size_t shown = std::min<std::size_t>(items.size(), 4);
  std::string out = fmt::format("{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < items.size()) out += fmt::format(" and {} more", items.size() - shown);
  return out;
}

}  // namespace mcnn
