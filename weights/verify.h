// A network's answers against answers from elsewhere: the last word on whether weights were understood.
#pragma once
#include <vector>

#include "formats/tensor_file.h"
#include "models/model.h"

namespace mcnn {

/// (N,C,H,W) as PyTorch stores images, of any float type -> a feature map in the backend's parameter type.
Tensor images_of(Ops& ops, Arena& arena, const StoredTensor& stored);

/// Logits (N,classes) in evaluation mode. images (N,3,H,W), normalised, of any float type. Throws Error for another shape.
std::vector<float> logits_of(const Model& model, Parameters& parameters, const StoredTensor& images);

}  // namespace mcnn
