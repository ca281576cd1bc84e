// How many processors and how much memory this process may use: limits of the scheduler's affinity, of cgroups and of the user.
#pragma once
#include <cstddef>
#include <string>

namespace mcnn {

/// The files that state the limits. Tests pass other folders.
struct SystemFiles {
  std::string cgroups = "/sys/fs/cgroup";  ///< version 2's root, or version 1's with a folder for each controller
  std::string own_cgroup = "/proc/self/cgroup";
};

/// The smallest of: the processors in the affinity mask (taskset); the CPU quotas of the cgroup and its ancestors, rounded up; and
/// OMP_NUM_THREADS. At least 1.
int usable_threads(const SystemFiles& files = {});

/// Bytes that this process can still use within the memory limits of its cgroup and its ancestors; page cache that can be dropped counts
/// as free. SIZE_MAX without a limit.
std::size_t memory_left_by_cgroups(const SystemFiles& files = {});

}  // namespace mcnn
