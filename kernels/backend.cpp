#include "kernels/backend.h"

#include "kernels/checked_ops.h"
#include "runtime/error.h"

namespace mcnn {

Backend make_backend(const std::string& device, int threads, Profiler* profiler) {
  if (device == "ref") return {checked(make_ref_ops(), profiler), "backend: ref, every operation in double (device = ref)"};
  if (device != "cpu" && device != "auto") fail("device '{}' is none of auto, cpu, ref", device);
  auto ops = checked(make_cpu_ops(threads), profiler);
  std::string reason = "backend: " + ops->name() + (device == "auto" ? " (this build has no GPU backend)" : " (device = cpu)");
  return {std::move(ops), std::move(reason)};
}

}  // namespace mcnn
