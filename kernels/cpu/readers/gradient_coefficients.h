// The per-channel part of dy (OutputGradient in feature.h), folded once per call:
//   dy = scale*du - centre - slope_xhat*(raw - mean)
#pragma once
#include <vector>

#include "kernels/feature.h"

namespace mcnn::cpu {

struct GradientCoefficients {
  std::vector<float> centre;      // scale*sum_du/M;               empty: frozen, or no norm
  std::vector<float> slope_xhat;  // scale*invstd*sum_du_xhat/M
};

inline GradientCoefficients gradient_coefficients(const OutputGradient& dy) {
  GradientCoefficients folded;
  const Norm& norm = dy.of.norm;
  if (dy.frozen || !norm.defined()) return folded;
  const auto channels = static_cast<std::size_t>(dy.of.raw.c());
  const double per_value = 1.0 / static_cast<double>(dy.of.raw.rows());
  folded.centre.resize(channels);
  folded.slope_xhat.resize(channels);
  const float *scale = norm.scale.data<float>(), *invstd = norm.invstd.data<float>();
  const float *sum_du = dy.sum_du.data<float>(), *sum_du_xhat = dy.sum_du_xhat.data<float>();
  for (std::size_t c = 0; c < channels; ++c) {
    folded.centre[c] = static_cast<float>(scale[c] * per_value * sum_du[c]);
    folded.slope_xhat[c] = static_cast<float>(scale[c] * per_value * invstd[c] * sum_du_xhat[c]);
  }
  return folded;
}

}  // namespace mcnn::cpu
