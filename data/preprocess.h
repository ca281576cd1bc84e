// From a photo of any size to the square a network reads, as timm and torchvision do it for evaluation.
#pragma once
#include <string>

#include "data/image.h"
#include "data/resize.h"

namespace mcnn {

struct Preprocess {
  int resize = 0;  ///< the shorter side after resizing; 0: `crop`
  int crop = 224;  ///< side of the square
  Interpolation interpolation = Interpolation::bicubic;
};

/// Throws Error, in the configuration's words, if the settings fit no photo.
void check(const Preprocess& preprocess);

/// (crop, crop, 3): the shorter side becomes `resize`, the longer one resize*long/short cut to a whole number; then the
/// centre, at offset (n - crop)/2 rounded half to even. `name` stands in messages.
Image preprocess(const Image& image, const Preprocess& settings, const std::string& name = "photo");

}  // namespace mcnn
