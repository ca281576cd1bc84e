// From a photo of any size to the square a network reads, as timm and torchvision or EfficientNet's authors do it for
// evaluation.
#pragma once
#include <string>

#include "data/image.h"
#include "data/resize.h"

namespace mcnn {

enum class CropRule {
  shorter_side,  ///< timm's and torchvision's: the shorter side becomes `resize`, then the centre is cut out
  square_first,  ///< TensorFlow's, of the authors' weights: the central square, crop/resize of the shorter side, becomes `crop`
};

/// "timm", "torchvision" (the same) or "tensorflow". Throws Error naming the nearest.
CropRule parse_crop_rule(const std::string& name);
/// "timm" or "tensorflow".
const char* name_of(CropRule rule);

struct Preprocess {
  int resize = 0;  ///< the shorter side after resizing; 0: `crop`
  int crop = 224;  ///< side of the square
  Interpolation interpolation = Interpolation::bicubic;
  CropRule crop_rule = CropRule::shorter_side;
};

/// Throws Error, in the configuration's words, if the settings fit no photo.
void check(const Preprocess& preprocess);

/// (crop, crop, 3). `name` stands in messages.
/// shorter_side: the shorter side becomes `resize`, the longer one resize*long/short cut to a whole number; then the centre, at
///   offset (n - crop)/2 rounded half to even.
/// square_first: the square of floor(crop/resize * short) pixels at offset floor((n - square + 1)/2), resized bicubically without
///   antialiasing (resize_tensorflow.h). Source: tensorflow/tpu, efficientnet/preprocessing.py, where resize = crop + 32.
Image preprocess(const Image& image, const Preprocess& settings, const std::string& name = "photo");

}  // namespace mcnn
