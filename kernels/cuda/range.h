// Named ranges on the time lines of NVIDIA's tools. NVTX is header-only and does nothing unless a tool is attached.
#pragma once
#if !defined(MCNN_SIM) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define MCNN_HAS_NVTX 1
#endif

namespace mcnn::cuda {

/// A range lasts from construction to destruction.
class [[nodiscard]] Range {
 public:
#ifdef MCNN_HAS_NVTX
  explicit Range(const char* name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
#else
  explicit Range(const char*) {}
#endif
  Range(const Range&) = delete;
};

}  // namespace mcnn::cuda
