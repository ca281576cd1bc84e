// Picks a reader by what the file holds, never by what it is called: checkpoints are renamed all the time.
// Next: safetensors.cpp.
#include <algorithm>
#include <string_view>

#include "runtime/error.h"
#include "weights/safetensors.h"
#include "weights/tensor_file.h"

namespace mcnn {

TensorFile open_tensor_file(const std::string& path) {
  auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4));
  if (head.starts_with("PK")) fail("{}: a zip file (torch.save), expected safetensors", path);
  if (head.starts_with("\x80\x02")) fail("{}: a pickle (torch.save before 1.6), expected safetensors", path);
  return read_safetensors(path, std::move(file));
}

}  // namespace mcnn
