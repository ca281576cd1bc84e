// The format of torch.save before 1.6: five pickles in a row (a magic number, protocol 1001, the machine's properties, the object, the
// sorted keys of its storages), then for each key the number of elements (int64) and the elements.
// Source: torch/serialization.py (_legacy_save).
// Next: unpickler.h, torch_tensors.h.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// Reads a file from its bytes, which `backing` keeps alive; `dictionary` as in open_tensor_file().
/// Throws Error naming the file, the storage or the tensor, and the offset.
TensorFile read_torch_legacy(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing,
                             const std::string& dictionary = "");

}  // namespace mcnn
