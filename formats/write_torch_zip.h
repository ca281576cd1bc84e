// torch.save's container since PyTorch 1.6: a zip of a pickle, which says what the tensors are called and shaped, and their
// bytes. torch.load(weights_only=True) reads it. It has no place for metadata: preprocessing does not travel in it.
// Source: PyTorch's torch/serialization.py (_save), torch/_weights_only_unpickler.py.
#pragma once
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// An OrderedDict of the tensors in their order. Throws Error: a name twice, a type PyTorch has no storage for, bytes that
/// do not fit the shape.
void write_torch_zip(const std::string& path, std::span<const StoredTensor> tensors);

}  // namespace mcnn
