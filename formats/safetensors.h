// safetensors: 8 bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.
// Format: https://github.com/huggingface/safetensors (README, "Format"). The reader trusts nothing in the header; the
// writer's files are whole or absent.
// Next: tensor_file.h for what a file looks like once it is open.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace mcnn {

/// Reads a whole file's bytes, which `backing` keeps alive. Throws Error naming the file, the tensor and the offset: header length, JSON,
/// duplicate names, types, shapes, offsets (in range, as long as the shape asks, without overlap or hole) are all checked.
TensorFile read_safetensors(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing);

/// Writes `tensors` (names unique, bytes as long as type and shape say: Error otherwise). Larger types come first, so that
/// every tensor is aligned; otherwise the order is kept.
void write_safetensors(const std::string& path, std::span<const StoredTensor> tensors, const Metadata& metadata);

}  // namespace mcnn
