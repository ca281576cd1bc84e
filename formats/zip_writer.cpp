// Writes for each record a local header with padding and the data, then the central directory and its end.  Contract: zip_writer.h.
#include "formats/zip_writer.h"

#include <libdeflate.h>

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "runtime/atomic_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLocalHeader = 30, kExtraHeader = 4;  // bytes before a record's name; before an extra field's content
constexpr uint16_t kUtf8Names = 0x800, kVersion = 10, kNoTime = 0, kFirstDay = 0x21;  // 1980-01-01, so that equal contents give equal files

/// Appends little-endian numbers.
struct Bytes {
  std::string text;
  Bytes& u16(std::size_t value) { return append(value, 2); }
  Bytes& u32(std::size_t value) { return append(value, 4); }
  Bytes& append(std::size_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
};

/// Appends the fields that the local header and the directory's entry share: from the version to the sizes and the name's length.
void describe(Bytes& header, const ZipRecord& record, std::size_t crc) {
  constexpr int kStored = 0;
  header.u16(kVersion).u16(kUtf8Names).u16(kStored).u16(kNoTime).u16(kFirstDay);
  header.u32(crc).u32(record.bytes.size()).u32(record.bytes.size()).u16(record.name.size());
}

std::string local_header(const ZipRecord& record, std::size_t crc, std::size_t offset) {
  const std::size_t begin = offset + kLocalHeader + record.name.size() + kExtraHeader;
  const std::size_t padding = (kAlignment - begin % kAlignment) % kAlignment;
  Bytes header;
  header.u32(0x04034b50);
  describe(header, record, crc);
  header.u16(kExtraHeader + padding);
  header.text += record.name;
  header.u16('F' | 'B' << 8).u16(padding);
  return header.text + std::string(padding, 'Z');
}

std::string directory_entry(const ZipRecord& record, std::size_t crc, std::size_t offset) {
  Bytes entry;
  entry.u32(0x02014b50).u16(kVersion);
  describe(entry, record, crc);
  entry.u16(0).u16(0).u16(0).u16(0).u32(0).u32(offset);  // no extra field, comment, second disk or attributes
  return entry.text + record.name;
}

std::string directory_end(std::size_t records, std::size_t size, std::size_t offset) {
  Bytes end;
  end.u32(0x06054b50).u16(0).u16(0).u16(records).u16(records).u32(size).u32(offset).u16(0);
  return end.text;
}

std::size_t crc_of(std::span<const std::byte> bytes) { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

}  // namespace

void write_zip(const std::string& path, std::span<const ZipRecord> records) {
  std::set<std::string_view> names;
  std::size_t total = 0;
  for (const ZipRecord& r : records) {
    if (!names.insert(r.name).second) fail("{}: two records named '{}'", path, r.name);
    total += r.bytes.size() + 2 * (r.name.size() + kAlignment) + kLocalHeader;  // an upper bound of its share of the file
  }
  if (records.size() > UINT16_MAX) fail("{}: {} records, a zip file without zip64 holds at most {}", path, records.size(), UINT16_MAX);
  if (total > UINT32_MAX) fail("{}: {} bytes, a zip file without zip64 holds at most {}", path, total, UINT32_MAX);

  std::deque<std::string> headers;
  std::vector<std::span<const std::byte>> parts;
  std::string directory;
  std::size_t offset = 0;
  for (const ZipRecord& r : records) {
    const std::size_t crc = crc_of(r.bytes);
    const std::string& header = headers.emplace_back(local_header(r, crc, offset));
    directory += directory_entry(r, crc, offset);
    parts.push_back(std::as_bytes(std::span(header)));
    parts.push_back(r.bytes);
    offset += header.size() + r.bytes.size();
  }
  const std::string end = directory + directory_end(records.size(), directory.size(), offset);
  parts.push_back(std::as_bytes(std::span(end)));
  write_file_atomically(path, parts);
}

}  // namespace mcnn
