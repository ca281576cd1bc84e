// What this process may use of its machine: processors and memory, as the scheduler's affinity, cgroups and the user say.
#pragma once
#include <cstddef>
#include <string>

namespace mcnn {

/// Where the system tells. Tests give folders of their own.
struct SystemFiles {
  std::string cgroups = "/sys/fs/cgroup";  ///< version 2's root, or version 1's with a folder for each controller
  std::string own_cgroup = "/proc/self/cgroup";
};

/// At least 1: the processors of the affinity mask (taskset), the CPU quota of the cgroup and those above it, rounded up, and
/// OMP_NUM_THREADS; the least of them.
int usable_threads(const SystemFiles& files = {});

/// Bytes that the memory limits of the cgroup and those above it leave, page cache that can be dropped counted as free. SIZE_MAX without
/// a limit.
std::size_t memory_left_by_cgroups(const SystemFiles& files = {});

}  // namespace mcnn
