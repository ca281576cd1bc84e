// Computes a network's logits on images from a file, to compare them with another implementation's: the final test that weights and their
// convention were read correctly.
#pragma once
#include <vector>

#include "formats/tensor_file.h"
#include "models/model.h"

namespace mcnn {

/// Converts images (N,C,H,W) of any float type to a feature map (N,H,W,C) of the backend's parameter type.
Tensor images_of(Ops& ops, Arena& arena, const StoredTensor& stored);

/// Logits (N,classes) in evaluation mode. images (N,3,H,W), normalised, of any float type. Throws Error for another shape.
std::vector<float> logits_of(const Model& model, Parameters& parameters, const StoredTensor& images);

}  // namespace mcnn
