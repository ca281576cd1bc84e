// A network's answers against answers from elsewhere: the last word on whether weights were understood.
#pragma once
#include <string>
#include <vector>

#include "models/efficientnet.h"
#include "weights/tensor_file.h"

namespace mcnn {

/// How far `found` is from the reference b.
struct Agreement {
  double norm_error = 0;  ///< ||a-b||2 / ||b||2; of an all-zero reference ||a-b||2
  double max_error = 0;   ///< max|a-b| / max|b|; likewise max|a-b|
  /// norm_error at most the tolerance, max_error at most ten times that. NaN never agrees.
  bool within(double tolerance) const { return norm_error <= tolerance && max_error <= 10 * tolerance; }
};
Agreement agreement(const std::vector<float>& found, const std::vector<double>& reference);

/// Logits (N,classes) in evaluation mode. images (N,3,H,W), normalised, of any float type. Throws Error for another shape.
std::vector<float> logits_of(Ops& ops, const EfficientNet& model, const StoredTensor& images);

}  // namespace mcnn
