// What memory a run will need, known before its first step: the very program is run once over addresses that stand for
// no memory, by a backend that computes nothing.
#pragma once
#include <cstddef>

#include "models/published_networks.h"
#include "runtime/dtype.h"
#include "train/optimizer_options.h"

namespace mcnn {

struct MemoryForecast {
  std::size_t parameters = 0;  ///< weights, gradients, moments, averages
  std::size_t step = 0;        ///< two batches, and the peak of the feature maps and their gradients in one training step
  std::size_t total() const { return parameters + step; }
};

/// One training step of `batch` photos of height x width, feature maps stored as `storage`.
MemoryForecast forecast(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer, int64_t batch, int64_t height,
                        int64_t width);

/// Throws Error if the step of `batch` photos of side x side, with `other` bytes beside it, does not fit into `available`: says what is
/// needed and the largest batch that fits.
void require_memory(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer, int64_t batch, int64_t side,
                    std::size_t available, std::size_t other = 0);

}  // namespace mcnn
