// Resizing to the bit as PIL does it, because published weights were trained and scored on PIL's pixels.
// Antialiased convolution: the filter is stretched by the ratio when shrinking. Two passes, horizontal first, with uint8
// between them; coefficients in fixed point. Source: Pillow's documented algorithm (Resample.c), checked against its output.
#pragma once
#include "data/image.h"

namespace mcnn {

enum class Interpolation { bilinear, bicubic };

/// Columns [x, x+width) and rows [y, y+height) of a picture.
struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;
};

/// `image` resized to width x height; of the result only `part` is computed and returned.
Image resize(const Image& image, int width, int height, Interpolation interpolation, const Rectangle& part);
Image resize(const Image& image, int width, int height, Interpolation interpolation);

}  // namespace mcnn
