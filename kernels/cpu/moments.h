// Partial sums for a batch norm, one set per part of the work, merged in the order of the parts.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/feature.h"

namespace mcnn::cpu {

/// (parts, C) means and m2 over counts[part] values each.
class PartialMoments {
 public:
  PartialMoments(int64_t parts, int64_t channels)
      : parts_(parts),
        channels_(channels),
        counts_(static_cast<std::size_t>(parts), 0),
        values_(static_cast<std::size_t>(2 * parts * channels)) {}
  float* mean(int64_t part) { return values_.data() + 2 * part * channels_; }
  float* m2(int64_t part) { return mean(part) + channels_; }
  void set_count(int64_t part, int64_t count) { counts_[static_cast<std::size_t>(part)] = count; }

  /// Chan, Golub, LeVeque 1983:  d = mean_b - mean_a;  mean = mean_a + d*n_b/n;  m2 = m2_a + m2_b + d^2*n_a*n_b/n
  void merge_into(Moments& out) {
    float *out_mean = out.mean.data<float>(), *out_m2 = out.m2.data<float>();
    for (int64_t c = 0; c < channels_; ++c) {
      double count = 0, mean_all = 0, m2_all = 0;
      for (int64_t part = 0; part < parts_; ++part) {
        const auto n = static_cast<double>(counts_[static_cast<std::size_t>(part)]);
        if (n == 0) continue;
        const double delta = mean(part)[c] - mean_all;
        count += n;
        mean_all += delta * n / count;
        m2_all += m2(part)[c] + delta * delta * (count - n) * n / count;
      }
      out_mean[c] = static_cast<float>(mean_all);
      out_m2[c] = static_cast<float>(m2_all);
    }
  }

 private:
  int64_t parts_, channels_;
  std::vector<int64_t> counts_;
  std::vector<float> values_;
};

}  // namespace mcnn::cpu
