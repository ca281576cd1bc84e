// A program's part of the dialogue with bench/compare, one line each way. Program: {"first": true} with its first answer; {"answers":
// [...]} before it times anything. bench/compare: "go" if the answers agree with the other peers'. Program: {"seconds": [...],
// "peak_bytes": N}. Next: bench/compare/peers/dialogue.py is the same for peers in Python; bench/compare/measure.py is the other side.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace mcnn::bench {

inline void say(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

/// Waits until the answers have been compared. Returns whether the program is to go on.
inline bool agreed(const std::vector<float>& answers) {
  say({{"answers", answers}});
  char line[8];
  return std::fgets(line, sizeof line, stdin) && std::string_view(line) == "go\n";
}

}  // namespace mcnn::bench
