// Makes files as torch.save writes them, and malformed ones: pickles from single opcodes, zip files, legacy files. All are strings of
// bytes, so that a test can damage any part.
// Next: torch_test.cpp uses it.
#pragma once
#include <libdeflate.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace mcnn::torch_writer {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

// Values: the opcodes that push one on the stack.
inline std::string text(const std::string& s) { return "X" + raw(static_cast<uint32_t>(s.size())) + s; }
inline std::string integer(int64_t n) { return "\x8a\x08" + raw(n); }
inline std::string tuple(const std::vector<std::string>& items) { return "(" + joined(items) + "t"; }
inline std::string list(const std::vector<std::string>& items) { return "](" + joined(items) + "e"; }
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string all = "}(";
  for (const auto& [key, value] : items) all += text(key) + value;
  return all + "u";
}
inline std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string ordered_dict() { return call(global("collections", "OrderedDict"), {}); }
inline std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const int64_t v : values) items.push_back(integer(v));
  return tuple(items);
}
inline std::string storage(const std::string& key, int64_t elements, const std::string& type = "FloatStorage",
                           const std::vector<std::string>& view = {}) {
  std::vector<std::string> id = {text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)};
  id.insert(id.end(), view.begin(), view.end());
  return tuple(id) + "Q";
}
inline std::string tensor(const std::string& storage, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides,
                          int64_t offset = 0) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, integer(offset), integers(shape), integers(strides), "\x89", ordered_dict()});
}
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

// Containers.
using Storages = std::vector<std::pair<std::string, std::string>>;  ///< key and bytes

struct ZipPart {
  std::string name, content;
  bool deflate = false;
};

/// zip64: every size and offset in the 64-bit records, as for files beyond 4 GB.
inline std::string zip(const std::vector<ZipPart>& parts, bool zip64 = false) {
  std::string file, directory;
  for (const ZipPart& part : parts) {
    std::string packed = part.content;
    if (part.deflate) {
      libdeflate_compressor* compressor = libdeflate_alloc_compressor(9);
      packed.resize(libdeflate_deflate_compress_bound(compressor, packed.size()));
      packed.resize(libdeflate_deflate_compress(compressor, part.content.data(), part.content.size(), packed.data(), packed.size()));
      libdeflate_free_compressor(compressor);
    }
    const uint64_t at = file.size(), size = part.content.size(), packed_size = packed.size();
    const auto length = static_cast<uint16_t>(part.name.size());
    const uint16_t method = part.deflate ? 8 : 0;
    const std::string crc = raw(libdeflate_crc32(0, part.content.data(), part.content.size()));
    const auto narrow = [&](uint64_t value) { return raw(zip64 ? 0xffffffffu : static_cast<uint32_t>(value)); };
    const std::string extra = zip64 ? raw(uint16_t{1}) + raw(uint16_t{24}) + raw(size) + raw(packed_size) + raw(at) : "";
    const auto extra_length = static_cast<uint16_t>(extra.size());
    const std::string shared = raw(uint16_t{20}) + raw(uint16_t{0}) + raw(method) + raw(0u) + crc + narrow(packed_size) + narrow(size) +
                               raw(length) + raw(extra_length);
    file += raw(0x04034b50u) + shared + part.name + extra + packed;
    directory += raw(0x02014b50u) + raw(uint16_t{20}) + shared + raw(uint16_t{0}) + raw(uint16_t{0}) + raw(uint16_t{0}) + raw(0u) +
                 narrow(at) + part.name + extra;
  }
  const uint64_t begin = file.size(), size = directory.size(), count = parts.size();
  file += directory;
  if (zip64) {
    const uint64_t end_at = file.size();
    file += raw(0x06064b50u) + raw(uint64_t{44}) + raw(uint16_t{45}) + raw(uint16_t{45}) + raw(0u) + raw(0u) + raw(count) + raw(count) +
            raw(size) + raw(begin);
    file += raw(0x07064b50u) + raw(0u) + raw(end_at) + raw(1u);
  }
  const auto few = static_cast<uint16_t>(count);
  return file + raw(0x06054b50u) + raw(0u) + raw(few) + raw(few) + raw(static_cast<uint32_t>(size)) +
         raw(zip64 ? 0xffffffffu : static_cast<uint32_t>(begin)) + raw(uint16_t{0});
}

/// `object`: a value.
inline std::string torch_zip(const std::string& object, const Storages& storages) {
  std::vector<ZipPart> parts = {{"model/data.pkl", pickle(object)}, {"model/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) parts.push_back({"model/data/" + key, bytes});
  parts.push_back({"model/version", "3\n"});
  return zip(parts);
}

/// element: bytes of one, of all storages.
inline std::string torch_legacy(const std::string& object, const Storages& storages, std::size_t element = 4) {
  std::vector<std::string> keys;
  std::string data;
  for (const auto& [key, bytes] : storages) {
    keys.push_back(text(key));
    data += raw(static_cast<int64_t>(bytes.size() / element)) + bytes;
  }
  return pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + pickle("M" + raw(uint16_t{1001})) +
         pickle(dict({{"little_endian", "\x88"}})) + pickle(object) + pickle(list(keys)) + data;
}

/// n floats: 0, 1, 2...
inline std::string counting(int n) {
  std::string bytes;
  for (int i = 0; i < n; ++i) bytes += raw(static_cast<float>(i));
  return bytes;
}

}  // namespace mcnn::torch_writer
