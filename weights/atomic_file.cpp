// Temporary name, fsync, rename, fsync of the folder.  Contract: atomic_file.h.
#include "weights/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "runtime/error.h"

namespace mcnn {
namespace {

/// 0 or the errno of the first failure.
int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());  // may write less than asked: a signal, a nearly full disk
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : ENOSPC;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

int write_and_sync(int fd, std::span<const std::span<const std::byte>> parts) {
  for (const auto part : parts)
    if (const int error = write_all(fd, part)) return error;
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  const std::filesystem::path target(path);
  const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
  const std::string temporary = fmt::format("{}/.{}.{}.tmp", folder, target.filename().string(), ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("{}: cannot be written: {} ({})", path, std::strerror(errno), temporary);

  int error = write_and_sync(fd, parts);
  if (::close(fd) != 0 && error == 0) error = errno;  // NFS reports a full disk here
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail("{}: cannot be written: {}", path, std::strerror(error));
  }

  // The name itself is safe only once the folder is. Some file systems cannot sync a folder (EINVAL): nothing is to be done.
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    ::fsync(folder_fd);
    ::close(folder_fd);
  }
}

void write_file_atomically(const std::string& path, const std::string& text) {
  const std::array parts = {std::as_bytes(std::span(text))};
  write_file_atomically(path, parts);
}

void require_no_overwriting(const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code absent;
    if (std::filesystem::equivalent(output, input, absent)) fail("writing {} would overwrite an input", output);
  }
}

}  // namespace mcnn
