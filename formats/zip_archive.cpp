// Reads a zip file: searches the end record from the end of the file, then reads the directory, and checks each entry's local header.
// Contract: zip_archive.h.
#include "formats/zip_archive.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "formats/tensor_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr uint32_t kEndRecord = 0x06054b50, kEnd64Record = 0x06064b50, kEnd64Locator = 0x07064b50, kDirectoryRecord = 0x02014b50,
                   kLocalRecord = 0x04034b50;
constexpr std::size_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kDirectorySize = 46, kLocalSize = 30;
constexpr uint32_t kIn64 = 0xffffffff;  // stands for a value that is in the zip64 field
constexpr uint16_t kStored = 0, kDeflated = 8, kEncryptedFlag = 1, kZip64Field = 1;
// Limit of inflated bytes, in sizes of the file. Weights deflate to 0.9 of their size, pickles to a tenth.
constexpr uint64_t kMostGrowth = 16;

/// A record of `size` bytes at offset `at`, read by field offsets. A record outside the file is an error.
class Record {
 public:
  Record(const std::string& path, std::span<const std::byte> bytes, uint64_t at, uint64_t size, const char* what) {
    if (at > bytes.size() || size > bytes.size() - at)
      fail("{}: {} at offset {} lies outside the {} bytes of the file", path, what, at, bytes.size());
    bytes_ = bytes.subspan(at, size);
  }
  uint16_t u16(std::size_t at) const { return field<uint16_t>(at); }
  uint32_t u32(std::size_t at) const { return field<uint32_t>(at); }
  uint64_t u64(std::size_t at) const { return field<uint64_t>(at); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  template <class T>
  T field(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  std::span<const std::byte> bytes_;
};

struct Directory {
  uint64_t begin, size, entries;
};

/// The last end record whose comment reaches the end of the file.
std::optional<uint64_t> find_end_record(std::span<const std::byte> bytes) {
  constexpr std::size_t kLongestComment = 0xffff;
  for (std::size_t comment = 0; comment <= kLongestComment && kEndSize + comment <= bytes.size(); ++comment) {
    const std::size_t at = bytes.size() - kEndSize - comment;
    uint32_t signature = 0;
    uint16_t length = 0;
    std::memcpy(&signature, bytes.data() + at, sizeof signature);
    std::memcpy(&length, bytes.data() + at + 20, sizeof length);
    if (signature == kEndRecord && length == comment) return at;
  }
  return std::nullopt;
}

Directory find_directory(const std::string& path, std::span<const std::byte> bytes) {
  const auto end_at = find_end_record(bytes);
  if (!end_at) fail("{}: a zip file without its end record: cut off after {} bytes", path, bytes.size());
  const Record end(path, bytes, *end_at, kEndSize, "the end record");
  if (end.u16(4) != 0 || end.u16(6) != 0) fail("{}: a zip file in several parts", path);
  Directory d{end.u32(16), end.u32(12), end.u16(10)};
  uint64_t limit = *end_at;
  if (*end_at >= kLocatorSize) {
    const Record locator(path, bytes, *end_at - kLocatorSize, kLocatorSize, "the zip64 locator");
    if (locator.u32(0) == kEnd64Locator) {
      limit = locator.u64(8);
      const Record end64(path, bytes, limit, kEnd64Size, "the zip64 end record");
      if (end64.u32(0) != kEnd64Record) fail("{}: there is no zip64 end record at offset {}", path, limit);
      d = {end64.u64(48), end64.u64(40), end64.u64(32)};
    }
  }
  if (d.begin > limit || d.size > limit - d.begin)
    fail("{}: the directory ({} bytes at offset {}) does not end before its end record at {}", path, d.size, d.begin, limit);
  return d;
}

/// Sizes and offsets that need 64 bits are in an extra field: only those values, in this order.
void read_zip64(const std::string& where, const Record& extra, ZipArchive::Entry& entry, uint64_t& header_at) {
  const auto bytes = extra.bytes();
  for (std::size_t at = 0; at + 4 <= bytes.size();) {
    const std::size_t length = extra.u16(at + 2), next = at + 4 + length;
    if (next > bytes.size()) fail("{}: an extra field of {} bytes, but only {} are left", where, length, bytes.size() - at - 4);
    if (extra.u16(at) == kZip64Field) {
      std::size_t from = at + 4;
      for (uint64_t* value : {&entry.size, &entry.packed, &header_at}) {
        if (*value != kIn64) continue;
        if (from + 8 > next) fail("{}: its zip64 field is too short", where);
        *value = extra.u64(from);
        from += 8;
      }
      return;
    }
    at = next;
  }
}

}  // namespace

ZipArchive::ZipArchive(std::string path, std::span<const std::byte> bytes)
    : path_(std::move(path)), bytes_(bytes), may_inflate_(kMostGrowth * bytes.size()) {
  const Directory directory = find_directory(path_, bytes);
  struct Extent {
    uint64_t begin, end;
    std::string name;
  };
  std::vector<Extent> extents;
  uint64_t at = directory.begin;
  const auto listing = bytes.first(directory.begin + directory.size);  // directory records must not extend beyond it
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Record r(path_, listing, at, kDirectorySize, "a directory record");
    if (r.u32(0) != kDirectoryRecord) fail("{}: there is no directory record at offset {}", path_, at);
    const uint64_t name_length = r.u16(28), extra_length = r.u16(30), comment_length = r.u16(32);
    const std::string name = Record(path_, listing, at + kDirectorySize, name_length, "a name").text();
    const std::string where = fmt::format("{}: entry {} at offset {}", path_, printable(name), at);
    Entry entry{r.u16(10), r.u32(16), r.u32(20), r.u32(24)};
    uint64_t header_at = r.u32(42);
    read_zip64(where, Record(path_, listing, at + kDirectorySize + name_length, extra_length, "an extra field"), entry, header_at);
    if (r.u16(8) & kEncryptedFlag) fail("{}: is encrypted", where);

    const auto before = bytes.first(directory.begin);
    const Record local(path_, before, header_at, kLocalSize, "a local header");
    if (local.u32(0) != kLocalRecord) fail("{}: there is no local header at offset {}", where, header_at);
    if (Record(path_, before, header_at + kLocalSize, local.u16(26), "a name").text() != name || local.u16(8) != entry.method)
      fail("{}: its local header at offset {} is that of another entry", where, header_at);
    entry.begin = header_at + kLocalSize + local.u16(26) + local.u16(28);
    if (entry.begin > before.size() || entry.packed > before.size() - entry.begin)
      fail("{}: its {} bytes at offset {} run into the directory at {}", where, entry.packed, entry.begin, directory.begin);
    if (entry.method == kStored && entry.packed != entry.size)
      fail("{}: is stored in {} bytes, expected {}", where, entry.packed, entry.size);
    extents.push_back({header_at, entry.begin + entry.packed, name});
    if (!entries_.emplace(name, entry).second) fail("{}: occurs twice", where);
    at += kDirectorySize + name_length + extra_length + comment_length;
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < extents.size(); ++i)
    if (extents[i].begin < extents[i - 1].end)
      fail("{}: entry {} at offset {} overlaps {}", path_, printable(extents[i].name), extents[i].begin, printable(extents[i - 1].name));
}

std::span<const std::byte> ZipArchive::read(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail("{}: there is no entry {}", path_, printable(name));
  const Entry& entry = found->second;
  const std::string where = fmt::format("{}: entry {} at offset {}", path_, printable(name), entry.begin);
  std::span<const std::byte> content = bytes_.subspan(entry.begin, entry.packed);
  if (entry.method == kDeflated) {
    if (entry.size > may_inflate_)
      fail("{}: inflates from {} to {} bytes, more than {} times the file", where, entry.packed, entry.size, kMostGrowth);
    may_inflate_ -= entry.size;
    std::vector<std::byte>& out = inflated_.emplace_back(entry.size);
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(libdeflate_alloc_decompressor(),
                                                                                               libdeflate_free_decompressor);
    if (!inflate ||
        libdeflate_deflate_decompress(inflate.get(), content.data(), content.size(), out.data(), out.size(), nullptr) != LIBDEFLATE_SUCCESS)
      fail("{}: does not inflate to its {} bytes", where, entry.size);
    content = out;
  } else if (entry.method != kStored) {
    fail("{}: compression method {}, expected 0 (stored) or 8 (deflated)", where, entry.method);
  }
  if (const uint32_t crc = libdeflate_crc32(0, content.data(), content.size()); crc != entry.crc)
    fail("{}: is damaged: CRC {:08x}, expected {:08x}", where, crc, entry.crc);
  return content;
}

}  // namespace mcnn
