// Computes the memory a run needs before its first step: the run's own programs are built and planned over addresses without memory, for
// a backend that computes nothing (make_dry_ops).
#pragma once
#include <cstddef>

#include "models/published_networks.h"
#include "runtime/dtype.h"
#include "train/optimizer_options.h"

namespace mcnn {

struct MemoryForecast {
  std::size_t parameters = 0;  ///< weights, gradients, moments, averages
  std::size_t step = 0;        ///< two batches, and the planned memory of one training step: feature maps, gradients, sums
  std::size_t total() const { return parameters + step; }
};

/// One training step of `batch` photos of height x width, feature maps stored as `storage`.
MemoryForecast forecast(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer, int64_t batch, int64_t height,
                        int64_t width);

/// Throws Error if a step of `batch` photos of side x side and `other` bytes do not fit together into `available` bytes. The message has
/// the memory needed and the largest batch that fits.
void require_memory(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer, int64_t batch, int64_t side,
                    std::size_t available, std::size_t other = 0);

}  // namespace mcnn
