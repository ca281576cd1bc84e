// Makes the pickle (protocol 2, no memo), then the records of the zip.  Contract: write_torch_zip.h.
// Next: zip_writer.cpp.
#include "formats/write_torch_zip.h"

#include <map>
#include <set>
#include <vector>

#include "formats/zip_writer.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

/// Builds a pickle. Opcodes: Python's pickletools.
class Pickle {
 public:
  Pickle& code(char opcode) {
    text += opcode;
    return *this;
  }
  Pickle& global(std::string_view module, std::string_view name) {
    text += fmt::format("c{}\n{}\n", module, name);
    return *this;
  }
  Pickle& string(std::string_view value) { return code('X').little_endian(value.size()).raw(value); }  // BINUNICODE
  Pickle& integer(int64_t value) { return code('J').little_endian(static_cast<uint64_t>(value)); }     // BININT, 32 bits
  Pickle& tuple(const std::vector<int64_t>& values) {
    code('(');
    for (const int64_t v : values) integer(v);
    return code('t');
  }
  Pickle& empty_ordered_dict() { return global("collections", "OrderedDict").raw(")R"); }
  Pickle& raw(std::string_view bytes) {
    text += bytes;
    return *this;
  }

  std::string text;

 private:
  Pickle& little_endian(uint64_t value) {
    for (int i = 0; i < 4; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
};

const char* storage_of(std::string_view dtype) {
  static const std::map<std::string_view, const char*> storages = {
      {"F64", "DoubleStorage"}, {"F32", "FloatStorage"}, {"F16", "HalfStorage"}, {"BF16", "BFloat16Storage"}, {"I64", "LongStorage"},
      {"I32", "IntStorage"},    {"I16", "ShortStorage"}, {"I8", "CharStorage"},  {"U8", "ByteStorage"},       {"BOOL", "BoolStorage"}};
  const auto found = storages.find(dtype);
  return found == storages.end() ? nullptr : found->second;
}

/// The strides of a contiguous tensor, in elements.
std::vector<int64_t> strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> out(shape.size());
  int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    out[i] = stride;
    stride *= shape[i];
  }
  return out;
}

/// Adds name: _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks); its storage is the record `key`.
void add_tensor(Pickle& pickle, const StoredTensor& t, const std::string& key) {
  pickle.string(t.name).global("torch._utils", "_rebuild_tensor_v2").code('(');
  pickle.code('(').string("storage").global("torch", storage_of(t.dtype)).string(key).string("cpu").integer(t.size()).code('t');
  pickle.code('Q').integer(0).tuple(t.shape).tuple(strides(t.shape)).code('\x89').empty_ordered_dict();
  pickle.code('t').code('R');
}

void check(const std::string& path, std::span<const StoredTensor> tensors) {
  std::set<std::string_view> names;
  for (const StoredTensor& t : tensors) {
    if (!names.insert(t.name).second) fail("{}: two tensors named {}", path, printable(t.name));
    if (!storage_of(t.dtype)) fail("{}: tensor {}: PyTorch has no storage for dtype {}", path, printable(t.name), printable(t.dtype));
    if (t.size() > INT32_MAX) fail("{}: tensor {} has {} elements, at most {} fit", path, printable(t.name), t.size(), INT32_MAX);
    if (t.bytes.size() != element_size(t.dtype) * static_cast<std::size_t>(t.size()))
      fail("{}: tensor {} has {} bytes, expected {}{}", path, printable(t.name), t.bytes.size(), t.dtype, t.shape_str());
  }
}

}  // namespace

void write_torch_zip(const std::string& path, std::span<const StoredTensor> tensors) {
  check(path, tensors);
  Pickle pickle;
  pickle.raw("\x80\x02").empty_ordered_dict().code('(');
  for (std::size_t i = 0; i < tensors.size(); ++i) add_tensor(pickle, tensors[i], std::to_string(i));
  pickle.code('u').code('.');

  // torch.save names the folder after the file; readers accept any. data.pkl is the first record. torch.save's .format_version is left
  // out, because it implies zip data descriptors.
  const std::string folder = "archive/", byte_order = "little", version = "3\n";
  std::vector<ZipRecord> records = {{folder + "data.pkl", std::as_bytes(std::span(pickle.text))},
                                    {folder + "byteorder", std::as_bytes(std::span(byte_order))}};
  for (std::size_t i = 0; i < tensors.size(); ++i) records.push_back({folder + "data/" + std::to_string(i), tensors[i].bytes});
  records.push_back({folder + "version", std::as_bytes(std::span(version))});
  write_zip(path, records);
}

}  // namespace mcnn
