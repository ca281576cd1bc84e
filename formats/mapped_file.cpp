// Maps a file with mmap; errors become messages.  Contract: mapped_file.h.
#include "formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/error.h"

namespace mcnn {

MappedFile::MappedFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a named pipe must not hang us
  if (fd < 0) fail("{}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    fail("{}: is not a regular file", path);
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {  // mmap refuses a length of 0
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data_ == MAP_FAILED) {
      const int error = errno;
      ::close(fd);
      fail("{}: cannot be mapped ({} bytes): {}", path, size_, std::strerror(error));
    }
  }
  ::close(fd);  // does not end the mapping
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace mcnn
