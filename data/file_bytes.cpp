// Reads with open, fstat and read.  Contract: file_bytes.h.
#include "data/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/error.h"

namespace mcnn {

std::vector<std::byte> read_file(const std::string& path) {
  constexpr off_t kLargest = off_t{1} << 30;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a named pipe must not hang us
  if (fd < 0) fail("{}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (!regular || info.st_size > kLargest) {
    ::close(fd);
    if (!regular) fail("{}: is not a regular file", path);
    fail("{}: {} bytes are too many for a photo", path, info.st_size);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::read(fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : EIO;  // 0: the file shrank meanwhile
      ::close(fd);
      fail("{}: cannot be read: {}", path, std::strerror(error));
    }
    have += static_cast<std::size_t>(n);
  }
  ::close(fd);
  return bytes;
}

}  // namespace mcnn
