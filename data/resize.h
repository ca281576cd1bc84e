// Resizes bit-identically to PIL, because published weights were trained and scored on PIL's pixels.
// An antialiased convolution: when shrinking, the filter is stretched by the ratio. There are two passes with uint8 between them, so their
// order matters: horizontal first, but vertical first if the height shrinks by more than twice as many pixels as the width. That exception
// is new in Pillow 13 (pull request 9549); earlier versions differ in a few pixels by a few grey levels for upright photos of about 2:1
// and more. Coefficients are in fixed point. Source: Pillow's Resample.c, checked against its output.
#pragma once
#include "data/image.h"

namespace mcnn {

enum class Interpolation { bilinear, bicubic };

/// Columns [x, x+width) and rows [y, y+height) of a picture.
struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;
};

/// Resizes `image` to width x height, but computes and returns only `part` of the result.
Image resize(const Image& image, int width, int height, Interpolation interpolation, const Rectangle& part);
Image resize(const Image& image, int width, int height, Interpolation interpolation);

}  // namespace mcnn
