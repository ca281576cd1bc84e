// The format of torch.save since 1.6: a zip file of <name>/data.pkl, the object, and <name>/data/<key>, an uncompressed entry per storage.
// Source: torch/serialization.py (_save, _load), caffe2/serialize/inline_container.cc.
// Next: zip_archive.h, unpickler.h, torch_tensors.h.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// Reads a file from its bytes, which `backing` keeps alive; `dictionary` as in open_tensor_file(). Checks the CRC of every entry used.
/// Throws Error naming the file, the entry or the tensor, and the offset (for a tensor: in data.pkl).
TensorFile read_torch_zip(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing,
                          const std::string& dictionary = "");

}  // namespace mcnn
