// The part of a checkpoint that every torch.save shares, zip and legacy: the object's pickle says which dictionary holds the
// weights and how each tensor lies in its storage.
// Which dictionary, when a checkpoint holds several: the first of
//   state_dict_ema, model_ema, ema_state_dict, ema, state_dict, model_state_dict, model_state, model, module, net, weights
// that is a dictionary (averaged weights first: published scores are theirs, and timm chooses so), looked up again inside it;
// else the dictionary that has tensors itself; else its only entry that has some. Notes say what was chosen. The search
// starts at the entry that the caller names ("state_dict", "ema/module"), if it names one.
// Next: torch_zip.h and torch_legacy.h, the two containers.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "formats/tensor_file.h"
#include "formats/unpickler.h"

namespace mcnn {

/// A storage, or a stretch of one, as a persistent id names it.
struct TorchStorage {
  std::string key;
  std::string dtype;             ///< safetensors' spelling
  uint64_t elements = 0;         ///< of the whole storage
  uint64_t begin = 0, size = 0;  ///< the stretch, in elements
  uint64_t bytes() const { return elements * element_size(dtype); }
};

/// Throws Error naming `where` and the value's offset if `value` is not a storage or is larger than 2^63 bytes.
TorchStorage torch_storage(const std::string& where, const PickleValue& value);

/// The bytes of a storage: exactly storage.bytes() of them. Throws Error if the file does not have them.
using ReadStorage = std::function<std::span<const std::byte>(const TorchStorage& storage)>;

/// The tensors of the dictionary (see above). Contiguous ones are the storage's own bytes; strided views are laid out anew,
/// all together in at most 4 times `file_size` bytes. `backing` keeps the storages alive.
/// Throws Error naming `where`, tensor and offset.
TensorFile torch_tensors(const std::string& path, const std::string& where, const PickleValue& root, const std::string& dictionary,
                         const ReadStorage& read, uint64_t file_size, std::shared_ptr<const void> backing);

}  // namespace mcnn
