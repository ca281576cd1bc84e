// Scores of a classifier from its confusion matrix.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mcnn {

class Confusion {
 public:
  explicit Confusion(int classes) : classes_(classes), counts_(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes)) {}
  void add(int truth, int predicted) { ++counts_[index(truth, predicted)]; }
  int64_t count(int truth, int predicted) const { return counts_[index(truth, predicted)]; }
  int classes() const { return classes_; }
  int64_t total() const;

  double accuracy() const;
  /// Mean over all classes of 2TP/(2TP+FP+FN); a class that neither occurs nor is predicted counts 0.
  double macro_f1() const;
  double f1(int label) const;
  /// Share of photos with part(label) == part(prediction).
  template <class Part>
  double agreement(const Part& part) const {
    int64_t right = 0;
    for (int t = 0; t < classes_; ++t)
      for (int p = 0; p < classes_; ++p)
        if (part(t) == part(p)) right += count(t, p);
    return ratio(right, total());
  }

 private:
  std::size_t index(int truth, int predicted) const {
    return static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes_) + static_cast<std::size_t>(predicted);
  }
  static double ratio(int64_t part, int64_t whole) { return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole); }

  int classes_;
  std::vector<int64_t> counts_;
};

/// "macro F1 0.4771  accuracy 0.4980  mask 0.990  gender 0.802  age 0.591"; the three tasks only where the classes are the
/// competition's 18 = mask*6 + gender*3 + age.
std::string score_line(const Confusion& confusion, bool face_tasks);

}  // namespace mcnn
