#include "weights/inspect.h"

#include <algorithm>

#include "formats/mapped_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

/// The container format, recognised by the file's first bytes.
const char* container_of(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4));
  if (head.starts_with("PK")) return "torch zip (torch.save)";
  if (head.starts_with("\x80\x02")) return "torch pickle (torch.save before 1.6)";
  return "safetensors";
}

bool is_buffer(std::string_view name) {
  return name.ends_with(".running_mean") || name.ends_with(".running_var") || name.ends_with(".num_batches_tracked");
}

}  // namespace

std::string inspect(const TensorFile& file, const Convention& convention) {
  const std::optional<Naming> naming = detect_naming(file);
  int64_t parameters = 0, buffers = 0;
  std::size_t widest = 6;
  for (const StoredTensor& t : file.tensors()) {
    (is_buffer(t.name) ? buffers : parameters) += t.size();
    widest = std::max(widest, printable(t.name).size() - 2);
  }
  std::string text = fmt::format("{:<14} {}\n{:<14} {}\n{:<14} {}\n", "file", file.path(), "format", container_of(file.path()), "names",
                                 naming ? name_of(*naming) : "none of timm's, torchvision's, EfficientNet-PyTorch's");
  text += describe(convention);
  text +=
      fmt::format("{:<14} {}\n{:<14} {}\n{:<14} {}\n\n", "parameters", parameters, "buffers", buffers, "tensors", file.tensors().size());
  const std::size_t width = std::min<std::size_t>(widest, 60);
  text += fmt::format("{:<{}}  {:<5}  {}\n", "tensor", width, "dtype", "shape");
  for (const StoredTensor& t : file.tensors()) {
    const std::string name = printable(t.name);
    text += fmt::format("{:<{}}  {:<5}  {}\n", name.substr(1, name.size() - 2), width, t.dtype, t.shape_str());
  }
  text += file.metadata().empty() ? "\nno metadata\n" : "\nmetadata\n";
  for (const auto& [key, value] : file.metadata()) text += fmt::format("  {} = {}\n", printable(key), printable(value));
  return text;
}

}  // namespace mcnn
