// Maps a whole file as read-only memory, so that a checkpoint of hundreds of megabytes opens at once, and only tensors that are used are
// read from disk.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace mcnn {

class MappedFile {
 public:
  /// Throws Error if `path` cannot be opened or is not a regular file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mcnn
