// A network's values as a file holds them: PyTorch's state dict. Every container's writer takes this.
// Next: key_map.h for the namings; safetensors.h and write_torch_zip.h for the containers.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "formats/tensor_file.h"
#include "layers/parameters.h"
#include "models/network.h"
#include "weights/key_map.h"

namespace mcnn {

/// Batches that a batch norm has averaged over, by its timm name ("blocks.0.0.bn1").
using BatchesTracked = std::function<int64_t(const std::string& norm)>;

/// timm's names, PyTorch's axes, F32, and an I64 num_batches_tracked () per batch norm: what strict=True asks for.
TensorFile state_dict(Parameters& parameters, const BatchesTracked& batches);

/// The same tensors under the names of `naming`.
TensorFile renamed(TensorFile timm, const Network& network, Naming naming);

/// The counts that `file` holds, 0 where it holds none.
BatchesTracked batches_tracked_in(const TensorFile& file, const Network& network, Naming naming);

}  // namespace mcnn
