// Resizing to the bit as PIL does it, because published weights were trained and scored on PIL's pixels.
// Antialiased convolution: the filter is stretched by the ratio when shrinking. Two passes with uint8 between them, so their
// order shows: horizontal first, but vertical first if the height shrinks by more than twice as many pixels as the width.
// That exception came with Pillow 13 (pull request 9549): for upright photos of about 2:1 and more, earlier versions differ
// in a few pixels by a few grey levels. Coefficients in fixed point. Source: Pillow's Resample.c, checked against its output.
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
