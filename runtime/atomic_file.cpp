// Writes to a temporary name, fsync, rename, fsync of the folder.  Contract: atomic_file.h.
#include "runtime/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "runtime/error.h"
#include "runtime/number.h"

namespace mcnn {
namespace {

/// 0 or the errno of the first failure.
int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());  // may write fewer bytes: a signal, a nearly full disk
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

namespace fs = std::filesystem;

/// The file descriptor of this process that a path like /proc/self/fd/1 names; nullopt for other paths.
std::optional<int> descriptor_of(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  if (error || folder != fs::path(fmt::format("/proc/{}/fd", ::getpid()))) return std::nullopt;
  return number_in<int>(path.filename().string());
}

/// Follows symbolic links from `path` to a file, which need not exist yet. Stops at a file descriptor of this process (/dev/stdout,
/// /dev/fd/3), since its open file may have no name.
fs::path target_of(const std::string& path) {
  fs::path target(path);
  std::error_code error;
  constexpr int kMostLinks = 40;  // the Linux kernel's limit
  for (int links = 0; !descriptor_of(target) && fs::is_symlink(target, error); ++links) {
    if (links == kMostLinks) fail("{}: cannot be written: {}", path, std::strerror(ELOOP));
    const fs::path next = fs::read_symlink(target, error);
    if (error) fail("{}: cannot be written: {}", path, error.message());
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return target;
}

fs::path folder_of(const fs::path& target) { return target.has_parent_path() ? target.parent_path() : fs::path("."); }

/// Short, so that a target with a long name can be written.
std::string temporary_name(const fs::path& target) {
  static std::atomic<int> count{0};
  return (folder_of(target) / fmt::format(".mcnn.{}.{}.tmp", ::getpid(), count++)).string();
}

/// A device, a pipe or a socket: written into, never replaced.
bool is_special(const fs::path& target) {
  std::error_code absent;
  const fs::file_status status = fs::status(target, absent);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

void write_into(const std::string& path, const fs::path& target, std::span<const std::span<const std::byte>> parts) {
  // A descriptor is duplicated, not opened again: output continues at its position, after anything printed before.
  std::fflush(nullptr);
  const std::optional<int> descriptor = descriptor_of(target);
  const int fd = descriptor ? ::dup(*descriptor) : ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail("{}: cannot be written: {}", path, std::strerror(errno));
  int error = 0;
  for (const auto part : parts)
    if (error == 0) error = write_all(fd, part);
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error != 0) fail("{}: cannot be written: {}", path, std::strerror(error));
}

}  // namespace

void require_writable(const std::string& path, const std::string& option) {
  const auto refuse = [&](const std::string& why) { fail("{}{}: cannot be written: {}", option, path, why); };
  if (path.empty()) refuse("the name is empty");
  const fs::path target = target_of(path);
  if (const std::optional<int> descriptor = descriptor_of(target)) {
    const int flags = ::fcntl(*descriptor, F_GETFL);
    if (flags < 0) refuse(std::strerror(errno));
    if ((flags & O_ACCMODE) == O_RDONLY) refuse("it is open for reading");
    return;
  }
  struct stat info {};
  const bool exists = ::stat(target.c_str(), &info) == 0;
  if (!exists && errno != ENOENT) refuse(std::strerror(errno));  // among them a name that is too long
  if (exists && S_ISDIR(info.st_mode)) refuse("it is a folder");
  if (exists && !S_ISREG(info.st_mode)) {
    if (::access(target.c_str(), W_OK) != 0) refuse(std::strerror(errno));
    return;
  }
  if (!fs::is_directory(folder_of(target))) refuse(fmt::format("there is no folder {}", folder_of(target).string()));
  const std::string temporary = temporary_name(target);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) refuse(std::strerror(errno));
  ::close(fd);
  ::unlink(temporary.c_str());
}

void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  const fs::path target = target_of(path);
  if (is_stream(path)) {
    write_into(path, target, parts);
    return;
  }
  const std::string folder = folder_of(target).string(), temporary = temporary_name(target);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("{}: cannot be written: {} ({})", path, std::strerror(errno), temporary);

  int error = write_and_sync(fd, parts);
  if (::close(fd) != 0 && error == 0) error = errno;  // NFS reports a full disk here
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail("{}: cannot be written: {}", path, std::strerror(error));
  }

  // The rename survives a crash only after an fsync of the folder. Some file systems cannot do that (EINVAL): ignored.
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

bool is_stream(const std::string& path) {
  const fs::path target = target_of(path);
  return descriptor_of(target) || is_special(target);
}

bool is_temporary(const std::string& name) { return name.starts_with(".mcnn.") && name.ends_with(".tmp"); }

void remove_temporaries(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (is_temporary(entry->path().filename().string())) left.push_back(entry->path());
  for (const fs::path& file : left) fs::remove(file, error);
}

void require_no_overwriting(const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code absent;
    if (std::filesystem::equivalent(output, input, absent)) fail("writing {} would overwrite an input", output);
  }
}

}  // namespace mcnn
