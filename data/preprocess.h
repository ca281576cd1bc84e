// Resizes and crops a photo to the square that a network reads, as timm, torchvision or EfficientNet's authors do for evaluation.
// Next: resize.h, resize_tensorflow.h.
#pragma once
#include <string>

#include "data/image.h"
#include "data/resize.h"

namespace mcnn {

enum class CropRule {
  shorter_side,  ///< timm's and torchvision's: resize the shorter side to `resize`, then crop the centre
  square_first,  ///< TensorFlow's, for weights of EfficientNet's authors: crop a central square whose side is the shorter side times the
                 ///< ratio `crop`/`resize`, then resize it to `crop`
};

/// "timm", "torchvision" (the same rule) or "tensorflow". Throws Error naming the nearest.
CropRule parse_crop_rule(const std::string& name);
/// "timm" or "tensorflow".
const char* name_of(CropRule rule);

struct Preprocess {
  int resize = 0;  ///< the shorter side after resizing; 0: `crop`
  int crop = 224;  ///< side of the resulting square
  Interpolation interpolation = Interpolation::bicubic;
  CropRule crop_rule = CropRule::shorter_side;
};

/// Throws Error naming a key of [data] if the settings are inconsistent.
void check(const Preprocess& preprocess);

/// Returns (crop, crop, 3). `name` is used in messages.
/// shorter_side: resizes the shorter side to `resize` and the longer one to int(resize*long/short). Then it crops the centre: along each
///   axis of n pixels the offset is (n - crop)/2, and a half is rounded to the even number.
/// square_first: crops a square of floor(crop/resize * short) pixels at offset floor((n - square + 1)/2), then resizes it bicubically
///   without antialiasing (resize_tensorflow.h). Source: tensorflow/tpu, efficientnet/preprocessing.py, where resize = crop + 32.
Image preprocess(const Image& image, const Preprocess& settings, const std::string& name = "photo");

}  // namespace mcnn
