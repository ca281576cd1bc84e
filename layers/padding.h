// The three padding rules of public EfficientNets, and the padding of one layer.
//   same       TensorFlow's: total = max((ceil(i/s)-1)*s + k - i, 0), before = total/2, from the actual size
//   same:HxW   the numbers of `same` for a network with input HxW, for every input size (EfficientNet-PyTorch)
//   symmetric  (k-1)/2 on every side (timm's native weights, torchvision)
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/ops.h"

namespace mcnn {

struct Padding {
  enum class Mode { same, same_fixed, symmetric };
  Mode mode = Mode::same;
  int64_t height = 0, width = 0;  ///< of the nominal input, for same_fixed

  /// "same", "same:HxW" or "symmetric". Throws Error.
  static Padding parse(std::string_view text);
  std::string str() const;
  bool operator==(const Padding&) const = default;
};

/// One axis of one layer.
struct AxisPadding {
  bool dynamic = false;  ///< computed from the actual size; else the two numbers
  int before = 0, after = 0;

  static AxisPadding of(Padding::Mode mode, int64_t nominal_size, int kernel, int stride);
  /// Padding before the first element, and the output's size, for an input of `size`.
  struct Fit {
    int before;
    int64_t out;
  };
  Fit fit(int64_t size, int kernel, int stride) const;
};

/// The padding of one convolution inside a network.
struct ConvPadding {
  AxisPadding vertical, horizontal;
  /// For a layer whose input is nominal_h x nominal_w if the network's is Padding's HxW (both used for same_fixed only).
  static ConvPadding of(const Padding& padding, int64_t nominal_h, int64_t nominal_w, int kernel, int stride);
};

}  // namespace mcnn
