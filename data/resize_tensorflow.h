// Bicubic resizing as in TensorFlow 1 (tf.compat.v1.image.resize_bicubic with its defaults), with which EfficientNet's authors trained and
// scored. No antialiasing: each pixel is made from 4x4 pixels, however much the picture shrinks. Pixel i of n is read at i*m/n rather than
// at pixel centres. The filter is Keys's with a = -3/4. Border pixels are repeated.
// Source: TensorFlow 2, core/kernels/image/resize_bicubic_op.cc (legacy scaler).
#pragma once
#include "data/resize.h"

namespace mcnn {

/// Resizes `part` of `image`, which must lie inside, to width x height. TensorFlow's results are floats, which may exceed 0 to 255; here
/// they are rounded to pixels and clamped.
Image resize_tensorflow(const Image& image, const Rectangle& part, int width, int height);

}  // namespace mcnn
