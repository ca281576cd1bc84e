// Bicubic resizing as TensorFlow 1 does it (tf.compat.v1.image.resize_bicubic with its defaults), because EfficientNet's
// authors trained and scored on it: no antialiasing (each pixel from 4x4 pixels however much the picture shrinks), pixel i of n
// read at i*m/n rather than at pixel centres, Keys's filter with a = -3/4, pixels beyond the border repeat it.
// Source: TensorFlow 2, core/kernels/image/resize_bicubic_op.cc (legacy scaler).
#pragma once
#include "data/resize.h"

namespace mcnn {

/// `part` of `image`, which must lie inside, resized to width x height. TensorFlow leaves floats that may leave 0 to 255; here
/// they are rounded to pixels, half a grey level off at most inside that range.
Image resize_tensorflow(const Image& image, const Rectangle& part, int width, int height);

}  // namespace mcnn
