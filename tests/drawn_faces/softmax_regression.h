// Softmax regression, the linear model that tells how much of a task can be read from single pixels.
// Next: linear_baseline_test.cpp.
#pragma once
#include <cstdint>
#include <vector>

namespace mcnn {

/// Photos (or points) as rows of `width` numbers, with their classes.
struct LabelledRows {
  int64_t width = 0;
  std::vector<float> values;  ///< (count, width)
  std::vector<int> labels;

  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

struct SoftmaxScores {
  double training_f1 = 0, test_f1 = 0;  ///< macro F1
  int iterations = 0;
};

/// Trains to convergence on the standardised rows with L2 penalty `l2` on the weights, for each strength of the list, and
/// scores it. The features are standardised by the training rows' mean and deviation.
std::vector<SoftmaxScores> softmax_regression(const LabelledRows& training, const LabelledRows& test, int classes,
                                              const std::vector<double>& l2);

}  // namespace mcnn
