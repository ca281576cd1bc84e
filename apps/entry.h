// What is the same in every program's main(): streams that are open, errors on one line, and an exit code that tells whether the
// output arrived.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

namespace mcnn {

/// Gives standard streams that the caller closed to /dev/null: else the next file that is opened gets their number, and what is
/// printed goes into it.
inline void open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)!::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

/// Runs `work`, which returns an exit code. An exception is one line on standard error and exit code 1, and so is standard output that
/// could not be written: a full disk must not look like success. Standard error may fail: it carries progress and notes.
template <class Work>
int run_program(const char* program, const Work& work) {
  open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of the stream
  int code = 1;
  try {
    code = work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
  }
  errno = 0;
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && code == 0) {
    std::fprintf(stderr, "%s: standard output cannot be written%s%s\n", program, errno != 0 ? ": " : "",
                 errno != 0 ? std::strerror(errno) : "");
    code = 1;
  }
  return code;
}

}  // namespace mcnn
