// Common to both formats of torch.save, zip and legacy: finds the dictionary of weights in the object's pickle, and each tensor in its
// storage. If a checkpoint has several dictionaries, this rule chooses:
// 1. The first of these keys whose value is a dictionary; the rule is then applied again inside it.
//    state_dict_ema, model_ema, ema_state_dict, ema, state_dict, model_state_dict, model_state, model, module, net, weights
//    (Averaged weights come first, as in timm: published scores are theirs.)
// 2. Else the dictionary itself, if it contains tensors.
// 3. Else its only entry that contains tensors.
// The search starts at the entry that the caller names ("state_dict", "ema/module"), if any. TensorFile::notes() state the choice.
// Next: torch_zip.h and torch_legacy.h, the two containers.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"
#include "formats/unpickler.h"

namespace mcnn {

/// A storage, or a range of one, as a pickle's persistent id describes it.
struct TorchStorage {
  std::string key;
  std::string dtype;             ///< safetensors' spelling
  uint64_t elements = 0;         ///< of the whole storage
  uint64_t begin = 0, size = 0;  ///< the range, in elements
  uint64_t bytes() const { return elements * element_size(dtype); }
};

/// Throws Error naming `where` and the value's offset if `value` is not a storage or is larger than 2^63 bytes.
TorchStorage torch_storage(const std::string& where, const PickleValue& value);

/// The bytes of a storage: exactly storage.bytes() of them. Throws Error if the file does not have them.
using ReadStorage = std::function<std::span<const std::byte>(const TorchStorage& storage)>;

/// The tensors of the chosen dictionary (see above). Contiguous tensors refer to the storage's bytes. Strided views are copied to row-major
/// order, into at most 4 times `file_size` bytes in total. `backing` keeps the storages alive.
/// Throws Error naming `where`, tensor and offset.
TensorFile torch_tensors(const std::string& path, const std::string& where, const PickleValue& root, const std::string& dictionary,
                         const ReadStorage& read, uint64_t file_size, std::shared_ptr<const void> backing);

}  // namespace mcnn
