// Contract: allowance.h. Sources: sched_getaffinity(2); the kernel's documents cgroup-v2.rst (cpu.max, memory.max) and
// cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes).
#include "runtime/allowance.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/number.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

/// The words of a file; empty if it cannot be read.
std::vector<std::string> words_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istream_iterator<std::string>(file), {}};
}

std::optional<double> number_of(const fs::path& path) {
  const std::vector<std::string> words = words_of(path);
  return words.empty() ? std::nullopt : number_in<double>(words[0]);
}

/// The number after `key` in a file of pairs.
double number_after(const fs::path& path, const std::string& key) {
  const std::vector<std::string> words = words_of(path);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    if (words[i] == key) return number_in<double>(words[i + 1]).value_or(0);
  return 0;
}

/// Calls visit(folder) for this process's cgroup and each of its ancestors, up to the root: of version 2 if `controller` is empty, else
/// of that controller's version 1 hierarchy.
void for_each_cgroup(const SystemFiles& files, const std::string& controller, const std::function<void(const fs::path&)>& visit) {
  std::ifstream file(files.own_cgroup);
  for (std::string line; std::getline(file, line);) {  // number:controller,controller:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? !controllers.empty() : ("," + controllers + ",").find("," + controller + ",") == std::string::npos) continue;
    const fs::path root = controller.empty() ? fs::path(files.cgroups) : fs::path(files.cgroups) / controller;
    // In a container the path may be the host's, which does not exist here; the root then is the container's own cgroup.
    for (fs::path below = fs::path(line.substr(second + 1)).relative_path();; below = below.parent_path()) {
      visit(root / below);
      if (below.empty()) break;
    }
  }
}

}  // namespace

int usable_threads(const SystemFiles& files) {
  auto threads = static_cast<double>(std::max(1u, std::thread::hardware_concurrency()));
  for (int processors = 1024; processors <= 1 << 20; processors *= 2) {  // EINVAL: the mask is too small for this machine
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(processors));
    if (!mask) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(processors));
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    if (known) threads = CPU_COUNT_S(bytes, mask);
    const bool larger = !known && errno == EINVAL;
    CPU_FREE(mask);
    if (!larger) break;
  }
  const auto limit = [&](double quota, double period) {
    if (quota > 0 && period > 0) threads = std::min(threads, std::ceil(quota / period));
  };
  for_each_cgroup(files, "", [&](const fs::path& cgroup) {
    const std::vector<std::string> words = words_of(cgroup / "cpu.max");  // "max 100000" or "150000 100000"
    if (words.size() == 2) limit(number_in<double>(words[0]).value_or(0), number_in<double>(words[1]).value_or(0));
  });
  for_each_cgroup(files, "cpu", [&](const fs::path& cgroup) {
    limit(number_of(cgroup / "cpu.cfs_quota_us").value_or(0), number_of(cgroup / "cpu.cfs_period_us").value_or(0));
  });
  if (const char* wanted = std::getenv("OMP_NUM_THREADS")) {  // "4", or "4,2" with levels
    const std::string text(wanted);
    if (const auto number = number_in<int>(text.substr(0, text.find(','))); number && *number > 0)
      threads = std::min(threads, static_cast<double>(*number));
  }
  return std::max(1, static_cast<int>(threads));
}

std::size_t memory_left_by_cgroups(const SystemFiles& files) {
  double left = 0x1p63;
  const auto limit = [&](std::optional<double> most, std::optional<double> used, double droppable) {
    if (most && used) left = std::min(left, std::max(0.0, *most - std::max(0.0, *used - droppable)));
  };
  for_each_cgroup(files, "", [&](const fs::path& cgroup) {
    limit(number_of(cgroup / "memory.max"), number_of(cgroup / "memory.current"), number_after(cgroup / "memory.stat", "inactive_file"));
  });
  for_each_cgroup(files, "memory", [&](const fs::path& cgroup) {
    limit(number_of(cgroup / "memory.limit_in_bytes"), number_of(cgroup / "memory.usage_in_bytes"),
          number_after(cgroup / "memory.stat", "total_inactive_file"));
  });
  return left >= 0x1p62 ? SIZE_MAX : static_cast<std::size_t>(left);  // version 1 says "none" by a number near 2^63
}

}  // namespace mcnn
