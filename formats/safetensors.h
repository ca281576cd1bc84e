// safetensors: 8 bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.
// Format: https://github.com/huggingface/safetensors (README, "Format"). The reader checks everything in the header; the writer writes a
// file completely or not at all.
// Next: tensor_file.h is an open file.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// Reads a file from its bytes, which `backing` keeps alive. Checks the header's length and JSON, duplicate names, types, shapes and
/// offsets (in range, of the length that the shape requires, without overlap or gap). Throws Error naming the file, the tensor and the
/// offset.
TensorFile read_safetensors(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing);

/// Writes `tensors`. Throws Error if a name occurs twice or the number of bytes does not fit type and shape. Tensors are sorted by the size
/// of their type, largest first, so that all are aligned; within a size the order is kept.
void write_safetensors(const std::string& path, std::span<const StoredTensor> tensors, const Metadata& metadata);

}  // namespace mcnn
