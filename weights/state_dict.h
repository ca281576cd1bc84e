// A network's values as PyTorch's state dict: the form that all writers of containers accept.
// Next: key_map.h has the namings; formats/safetensors.h and formats/write_torch_zip.h write files.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "formats/tensor_file.h"
#include "layers/parameters.h"
#include "models/network.h"
#include "weights/key_map.h"

namespace mcnn {

/// The number of batches in a batch norm's running statistics, by timm's name of the norm ("blocks.0.0.bn1").
using BatchesTracked = std::function<int64_t(const std::string& norm)>;

/// timm's names, PyTorch's axes, F32, and an I64 num_batches_tracked () per batch norm, which load_state_dict(strict=True) requires.
TensorFile state_dict(Parameters& parameters, const BatchesTracked& batches);

/// The same tensors under the names of `naming`.
TensorFile renamed(TensorFile timm, const Network& network, Naming naming);

/// The counts in `file`; 0 for norms without one.
BatchesTracked batches_tracked_in(const TensorFile& file, const Network& network, Naming naming);

}  // namespace mcnn
