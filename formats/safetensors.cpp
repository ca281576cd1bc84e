// Reader and writer of safetensors.  Contract: safetensors.h.
//   read   length -> JSON (duplicate keys refused while parsing) -> one tensor at a time -> the data covered exactly once
//   write  offsets -> JSON padded with spaces to 8 bytes -> everything in one atomic write
// Next: atomic_file.cpp.
#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/atomic_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using nlohmann::json;
constexpr std::size_t kLengthBytes = 8;
constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr int kDeepestHeader = 3;                 // {name: {shape: [ ]}}

/// Refuses duplicate keys: JSON allows them, and parsers differ in which one they keep.
json parse_header(const std::string& path, std::string_view text) {
  std::vector<std::set<std::string>> keys_at_depth;
  const json::parser_callback_t check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepestHeader) fail("{}: header is nested deeper than {} levels", path, kDeepestHeader);
    if (event == json::parse_event_t::object_start) keys_at_depth.emplace_back();
    if (event == json::parse_event_t::object_end) keys_at_depth.pop_back();
    if (event == json::parse_event_t::key && !keys_at_depth.back().insert(value.get<std::string>()).second)
      fail("{}: header has the key {} twice", path, printable(value.get<std::string>()));
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& e) {
    fail("{}: header is not JSON: {}", path, e.what());
  }
}

/// A list of non-negative integers. Anything else (a negative number, a fraction, one beyond 64 bits) is an error.
std::vector<uint64_t> integers(const std::string& where, const json& entry, const char* field) {
  const auto it = entry.find(field);
  if (it == entry.end() || !it->is_array()) fail("{}: '{}' is not a list", where, field);
  std::vector<uint64_t> out;
  for (const json& value : *it) {
    if (!value.is_number_unsigned()) fail("{}: '{}' holds {}, expected non-negative integers", where, field, value.dump());
    out.push_back(value.get<uint64_t>());
  }
  return out;
}

StoredTensor read_entry(const std::string& path, const std::string& name, const json& entry, std::span<const std::byte> data) {
  const std::string where = fmt::format("{}: tensor {}", path, printable(name));
  if (!entry.is_object()) fail("{}: its header entry is not an object", where);
  for (const auto& [key, value] : entry.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") fail("{}: unknown field {}", where, printable(key));
  StoredTensor t;
  t.name = name;
  if (!entry.contains("dtype") || !entry["dtype"].is_string()) fail("{}: 'dtype' is not a string", where);
  t.dtype = entry["dtype"].get<std::string>();
  const std::size_t size = element_size(t.dtype);
  if (size == 0) fail("{}: unknown dtype {}", where, printable(t.dtype));

  uint64_t bytes = size;
  for (const uint64_t d : integers(where, entry, "shape")) {
    if (d > static_cast<uint64_t>(INT64_MAX) || (d != 0 && bytes > static_cast<uint64_t>(INT64_MAX) / d))
      fail("{}: shape is too large", where);
    bytes *= d;
    t.shape.push_back(static_cast<int64_t>(d));
  }
  const auto offsets = integers(where, entry, "data_offsets");
  if (offsets.size() != 2) fail("{}: 'data_offsets' has {} values, expected 2", where, offsets.size());
  const auto [begin, end] = std::pair(offsets[0], offsets[1]);
  if (begin > end || end > data.size()) fail("{}: offsets [{},{}] lie outside the {} bytes of data", where, begin, end, data.size());
  if (end - begin != bytes)
    fail("{}: offsets [{},{}] hold {} bytes, expected {} for {}{}", where, begin, end, end - begin, bytes, t.dtype, t.shape_str());
  t.bytes = data.subspan(begin, bytes);
  return t;
}

Metadata read_metadata(const std::string& path, const json& entry) {
  if (!entry.is_object()) fail("{}: '__metadata__' is not an object", path);
  Metadata metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) fail("{}: '__metadata__' field {} is not a string", path, printable(key));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// Checks that the tensors, in order of their offsets, cover the data without gap or overlap, up to the end of the file.
void check_coverage(const std::string& path, const std::vector<StoredTensor>& tensors, std::span<const std::byte> data) {
  const std::byte* expected = data.data();
  const std::string* before = nullptr;
  for (const StoredTensor& t : tensors) {
    const auto begin = t.bytes.data() - data.data();
    if (t.bytes.data() < expected) fail("{}: tensor {} at offset {} overlaps {}", path, printable(t.name), begin, printable(*before));
    if (t.bytes.data() > expected)
      fail("{}: {} bytes before tensor {} at offset {} belong to no tensor", path, t.bytes.data() - expected, printable(t.name), begin);
    expected = t.bytes.data() + t.bytes.size();
    before = &t.name;
  }
  if (const auto rest = data.data() + data.size() - expected; rest != 0)
    fail("{}: {} bytes at the end, from offset {} on, belong to no tensor", path, rest, expected - data.data());
}

}  // namespace

TensorFile read_safetensors(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing) {
  if (bytes.size() < kLengthBytes) fail("{}: {} bytes are too few for a safetensors file", path, bytes.size());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader) fail("{}: header of {} bytes, at most {} are allowed", path, length, kLongestHeader);
  if (length > bytes.size() - kLengthBytes)
    fail("{}: header of {} bytes, but the file ends after {}", path, length, bytes.size() - kLengthBytes);
  const auto data = bytes.subspan(kLengthBytes + length);

  const json header = parse_header(path, {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length});
  if (!header.is_object()) fail("{}: header is not a JSON object", path);
  std::vector<StoredTensor> tensors;
  Metadata metadata;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__")
      metadata = read_metadata(path, entry);
    else
      tensors.push_back(read_entry(path, name, entry, data));
  }
  // In order of offsets; a tensor without elements precedes one with elements at the same offset.
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  check_coverage(path, tensors, data);
  return TensorFile(path, std::move(tensors), std::move(metadata), std::move(backing));
}

void write_safetensors(const std::string& path, std::span<const StoredTensor> tensors, const Metadata& metadata) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& t : tensors) order.push_back(&t);
  std::stable_sort(order.begin(), order.end(),
                   [](const StoredTensor* a, const StoredTensor* b) { return element_size(a->dtype) > element_size(b->dtype); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::vector<std::span<const std::byte>> parts(2);  // length and header, filled in below
  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (const StoredTensor* t : order) {
    if (t->name == "__metadata__" || !names.insert(t->name).second) fail("{}: two tensors named {}", path, printable(t->name));
    const std::size_t size = element_size(t->dtype);
    if (size == 0) fail("{}: tensor {}: unknown dtype {}", path, printable(t->name), printable(t->dtype));
    if (t->bytes.size() != size * static_cast<std::size_t>(t->size()))
      fail("{}: tensor {} has {} bytes, expected {}{}", path, printable(t->name), t->bytes.size(), t->dtype, t->shape_str());
    header[t->name] = {{"dtype", t->dtype}, {"shape", t->shape}, {"data_offsets", {offset, offset + t->bytes.size()}}};
    offset += t->bytes.size();
    parts.push_back(t->bytes);
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& e) {
    fail("{}: a name or a metadata value is not UTF-8: {}", path, e.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // aligns the data to 8 bytes
  const uint64_t length = text.size();
  parts[0] = std::as_bytes(std::span(&length, 1));
  parts[1] = std::as_bytes(std::span(text));
  write_file_atomically(path, parts);
}

}  // namespace mcnn
