#include "inference/metrics.h"

#include <fmt/format.h>

#include <numeric>

namespace mcnn {

int64_t Confusion::total() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

double Confusion::accuracy() const {
  return agreement([](int label) { return label; });
}

double Confusion::f1(int label) const {
  int64_t row = 0, column = 0;  // TP + FN, TP + FP
  for (int k = 0; k < classes_; ++k) {
    row += count(label, k);
    column += count(k, label);
  }
  return ratio(2 * count(label, label), row + column);
}

double Confusion::macro_f1() const {
  double sum = 0;
  for (int k = 0; k < classes_; ++k) sum += f1(k);
  return classes_ == 0 ? 0.0 : sum / classes_;
}

std::string score_line(const Confusion& confusion, bool face_tasks) {
  std::string line = fmt::format("macro F1 {:.4f}  accuracy {:.4f}", confusion.macro_f1(), confusion.accuracy());
  if (face_tasks)
    line += fmt::format("  mask {:.3f}  gender {:.3f}  age {:.3f}", confusion.agreement([](int k) { return k / 6; }),
                        confusion.agreement([](int k) { return k / 3 % 2; }), confusion.agreement([](int k) { return k % 3; }));
  return line;
}

}  // namespace mcnn
