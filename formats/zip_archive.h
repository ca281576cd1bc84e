// Reads entries of a zip file in memory, in place. torch.save does not compress them, so a mapped checkpoint need not be copied.
// Zip libraries copy; therefore the directory is read here. CRC-32 and inflation are libdeflate's.
// Format: PKWARE APPNOTE 6.3.10, sections 4.3 (records) and 4.5.3 (zip64).
// Next: torch_zip.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace mcnn {

class ZipArchive {
 public:
  /// Reads the directory; `bytes` must outlive the archive. Throws Error naming `path`, the entry and the offset for records outside the
  /// file, entries that overlap or share a name, encryption, and archives in several parts.
  ZipArchive(std::string path, std::span<const std::byte> bytes);

  struct Entry {
    uint16_t method = 0;
    uint32_t crc = 0;
    uint64_t packed = 0, size = 0;  ///< bytes in the file, bytes when inflated
    uint64_t begin = 0;             ///< offset of the content in the file
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  /// An entry's content: the file's bytes, or, if it is deflated, inflated bytes that the archive owns. Throws Error if there is no such
  /// entry, its compression is unknown, its CRC is wrong, or more than 16 times the file would have been inflated in total.
  std::span<const std::byte> read(const std::string& name);

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<std::vector<std::byte>> inflated_;
  uint64_t may_inflate_ = 0;
};

}  // namespace mcnn
