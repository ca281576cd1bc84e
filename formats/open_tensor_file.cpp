// Chooses a reader by the file's first bytes, not by its name: checkpoints are often renamed.
// Next: safetensors.cpp, torch_zip.cpp, torch_legacy.cpp.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "formats/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_file.h"
#include "formats/torch_legacy.h"
#include "formats/torch_zip.h"
#include "runtime/error.h"

namespace mcnn {

TensorFile open_tensor_file(const std::string& path, const std::string& dictionary) {
  const auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 9));
  // safetensors begins with a length, whose bytes may equal the first bytes of another format; its ninth byte is always '{'.
  const bool json = head.size() == 9 && head[8] == '{';
  if (!json && head.starts_with("PK")) return read_torch_zip(path, bytes, file, dictionary);
  if (!json && head.starts_with("\x80")) return read_torch_legacy(path, bytes, file, dictionary);
  uint64_t header = 0;
  head.copy(reinterpret_cast<char*>(&header), sizeof header);  // fewer bytes if the file is shorter
  if (!json && head.size() == 9 && header > bytes.size()) fail("{}: neither a safetensors file nor one of torch.save's", path);
  if (!dictionary.empty()) fail("{}: safetensors has no dictionaries to choose from, but {} is requested", path, printable(dictionary));
  return read_safetensors(path, bytes, file);
}

}  // namespace mcnn
