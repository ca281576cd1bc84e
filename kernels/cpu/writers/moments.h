// Partial sums for a batch norm, one set per part of the rows, merged in the order of the parts. Where the work is cut by
// channels as well, each writes its own channels of the set.
#pragma once
#include <algorithm>
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

  /// Adds `count` values per channel, given by their mean and m2, to channels [c, c + channels) of a part that holds `before`.
  void add(int64_t part, int64_t c, int64_t channels, int64_t before, int64_t count, const float* added_mean, const float* added_m2) {
    float *out_mean = mean(part) + c, *out_m2 = m2(part) + c;
    const float share = static_cast<float>(count) / static_cast<float>(before + count);
    const float spread = share * static_cast<float>(before);
    for (int64_t i = 0; i < channels; ++i) {
      const float delta = added_mean[i] - out_mean[i];
      out_mean[i] += delta * share;
      out_m2[i] += added_m2[i] + delta * delta * spread;
    }
  }

  /// Chan, Golub, LeVeque 1983:  d = mean_b - mean_a;  mean = mean_a + d*n_b/n;  m2 = m2_a + m2_b + d^2*n_a*n_b/n
  void merge_into(Moments& out) {
    const auto channels = static_cast<std::size_t>(channels_);
    std::vector<double> mean_all(channels, 0.0), m2_all(channels, 0.0);
    double count = 0;
    for (int64_t part = 0; part < parts_; ++part) {
      const auto n = static_cast<double>(counts_[static_cast<std::size_t>(part)]);
      if (n == 0) continue;
      const double share = n / (count + n), spread = count * share;
      const float *part_mean = mean(part), *part_m2 = m2(part);
      for (std::size_t c = 0; c < channels; ++c) {
        const double delta = part_mean[c] - mean_all[c];
        mean_all[c] += delta * share;
        m2_all[c] += part_m2[c] + delta * delta * spread;
      }
      count += n;
    }
    std::transform(mean_all.begin(), mean_all.end(), out.mean.data<float>(), [](double v) { return static_cast<float>(v); });
    std::transform(m2_all.begin(), m2_all.end(), out.m2.data<float>(), [](double v) { return static_cast<float>(v); });
  }

 private:
  int64_t parts_, channels_;
  std::vector<int64_t> counts_;
  std::vector<float> values_;
};

}  // namespace mcnn::cpu
