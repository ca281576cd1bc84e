// Writes torch.save's format since PyTorch 1.6: a zip with a pickle of the tensors' names and shapes, and with their bytes.
// torch.load(weights_only=True) reads it. The format has no metadata, so preprocessing and class names are not stored.
// Source: PyTorch's torch/serialization.py (_save), torch/_weights_only_unpickler.py.
#pragma once
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// Writes an OrderedDict of the tensors in order. Throws Error if a name occurs twice, PyTorch has no storage for a type, or the bytes do
/// not fit the shape.
void write_torch_zip(const std::string& path, std::span<const StoredTensor> tensors);

}  // namespace mcnn
