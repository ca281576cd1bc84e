// Decides whether two results agree. Tests, `mcnn-weights verify` and bench/gpu_check.cpp all use this definition.
#pragma once
#include <cstddef>
#include <vector>

namespace mcnn {

/// The distance of the values found, a, from the reference, b.
struct Agreement {
  double norm_error = 0;  ///< ||a-b||2 / ||b||2; for an all-zero reference ||a-b||2
  double max_error = 0;   ///< max|a-b| / max|b|; for an all-zero reference max|a-b|
  std::size_t where = 0;  ///< element of the largest error
  /// norm_error at most the tolerance, max_error at most ten times that. NaN never agrees.
  bool within(double tolerance) const { return norm_error <= tolerance && max_error <= 10 * tolerance; }
};

/// Throws ShapeError if their sizes differ.
Agreement agreement(const std::vector<double>& found, const std::vector<double>& reference);

}  // namespace mcnn
