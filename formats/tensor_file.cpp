// The parts of TensorFile that are the same for all containers: look-up by name and conversion of values.  Contract: tensor_file.h.
// Next: safetensors.cpp.
#include "formats/tensor_file.h"

#include <fmt/ranges.h>

#include <bit>
#include <cstring>
#include <utility>

#include "runtime/dtype.h"
#include "runtime/error.h"

namespace mcnn {
static_assert(std::endian::native == std::endian::little, "tensors are stored little-endian and read in place");

int64_t StoredTensor::size() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

std::string StoredTensor::shape_str() const { return fmt::format("({})", fmt::join(shape, ",")); }

TensorFile::TensorFile(std::string path, std::vector<StoredTensor> tensors, Metadata metadata, std::shared_ptr<const void> backing,
                       std::vector<std::string> notes)
    : path_(std::move(path)),
      tensors_(std::move(tensors)),
      metadata_(std::move(metadata)),
      notes_(std::move(notes)),
      backing_(std::move(backing)) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!index_.emplace(tensors_[i].name, i).second) fail("{}: tensor {} occurs twice", path_, printable(tensors_[i].name));
  }
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

std::size_t element_size(std::string_view dtype) {
  static const std::map<std::string_view, std::size_t> sizes = {{"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4}, {"I32", 4},
                                                                {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"U16", 2},
                                                                {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  const auto it = sizes.find(dtype);
  return it == sizes.end() ? 0 : it->second;
}

namespace {

template <class Stored>
Stored element(const std::byte* bytes, std::size_t i) {  // memcpy: the bytes may be unaligned
  Stored value;
  std::memcpy(&value, bytes + i * sizeof(Stored), sizeof(Stored));
  return value;
}

template <class Out>
std::vector<Out> converted(const StoredTensor& t) {
  const std::size_t n = static_cast<std::size_t>(t.size());
  if (const std::size_t size = element_size(t.dtype); size == 0 || n * size != t.bytes.size())
    fail("tensor {}: {} bytes of {}{} cannot be read as numbers", printable(t.name), t.bytes.size(), printable(t.dtype), t.shape_str());
  std::vector<Out> out(n);
  const std::byte* p = t.bytes.data();
  const auto fill = [&](auto read) {
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(read(i));
  };
  if (t.dtype == "F32")
    fill([&](std::size_t i) { return element<float>(p, i); });
  else if (t.dtype == "F64")
    fill([&](std::size_t i) { return element<double>(p, i); });
  else if (t.dtype == "F16")
    fill([&](std::size_t i) { return static_cast<float>(element<f16>(p, i)); });
  else if (t.dtype == "BF16")
    fill([&](std::size_t i) { return static_cast<float>(element<bf16>(p, i)); });
  else if (t.dtype == "I64")
    fill([&](std::size_t i) { return element<int64_t>(p, i); });
  else if (t.dtype == "I32")
    fill([&](std::size_t i) { return element<int32_t>(p, i); });
  else if (t.dtype == "I16")
    fill([&](std::size_t i) { return element<int16_t>(p, i); });
  else if (t.dtype == "I8")
    fill([&](std::size_t i) { return element<int8_t>(p, i); });
  else if (t.dtype == "U64")
    fill([&](std::size_t i) { return element<uint64_t>(p, i); });
  else if (t.dtype == "U32")
    fill([&](std::size_t i) { return element<uint32_t>(p, i); });
  else if (t.dtype == "U16")
    fill([&](std::size_t i) { return element<uint16_t>(p, i); });
  else
    fill([&](std::size_t i) { return element<uint8_t>(p, i); });  // U8, BOOL
  return out;
}

}  // namespace

std::vector<float> as_floats(const StoredTensor& tensor) { return converted<float>(tensor); }
std::vector<double> as_doubles(const StoredTensor& tensor) { return converted<double>(tensor); }

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  std::string out = "'";
  for (const char c : name.substr(0, kLongest)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + (name.size() > kLongest ? "...'" : "'");
}

}  // namespace mcnn
