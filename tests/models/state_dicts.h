// What timm and torchvision say of published networks, as tests/make_state_dicts.py wrote it down.
#pragma once
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/error.h"

namespace mcnn {

struct StateDict {
  int64_t parameters = 0, multiply_adds = 0, resolution = 0;
  struct Entry {
    std::string timm, torchvision;
    std::vector<int64_t> shape;  ///< timm's
    std::string activation;      ///< that timm applies behind the module; "-": a norm comes first
  };
  std::vector<Entry> entries;
};

inline StateDict read_state_dict(const std::string& network) {
  const std::filesystem::path path = std::filesystem::path(MCNN_SOURCE_DIR) / "tests/models/state_dicts" / (network + ".txt");
  std::ifstream file(path);
  if (!file) fail("{} cannot be read", path.string());
  StateDict out;
  std::string line, first, second, third, kind, activation;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    words >> first >> second >> third >> kind >> activation;
    if (first == "#") continue;
    if (first == "parameters") {
      out.parameters = std::stoll(second);
    } else if (first == "multiply_adds") {
      out.resolution = std::stoll(second);
      out.multiply_adds = std::stoll(third);
    } else {
      std::vector<int64_t> shape;
      std::istringstream sizes(third);
      for (std::string size; std::getline(sizes, size, ',');) shape.push_back(std::stoll(size));
      const auto add = [&](const char* entry, const std::vector<int64_t>& s) {
        out.entries.push_back({first + entry, second + entry, s, activation});
      };
      add(".weight", shape);
      if (kind != "-") add(".bias", {shape[0]});
      if (kind != "norm") continue;
      add(".running_mean", shape);
      add(".running_var", shape);
      add(".num_batches_tracked", {});
    }
  }
  return out;
}

}  // namespace mcnn
