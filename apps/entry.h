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
#include <string>

namespace mcnn {

/// Gives standard streams that the caller closed to /dev/null: else the next file that is opened gets their number, and what is
/// printed goes into it. Where answers are printed it is opened for reading: they fail, and that is told.
inline void open_standard_streams(bool prints_answers) {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)!::open("/dev/null", fd == 0 || (fd == 1 && prints_answers) ? O_RDONLY : O_WRONLY);
}

/// Why standard output, which has lost something, takes nothing: tried again, as the reason is forgotten by now. 0: it takes something.
inline int why_output_is_lost() {
  errno = 0;
  return ::write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
}

/// Runs `work`, which returns an exit code. An exception is one line on standard error and exit code 1, and so is standard output that
/// could not be written: a full disk must not look like success. Standard error may fail: it carries progress and notes.
template <class Work>
int run_program(const char* program, const Work& work, bool prints_answers = true) {
  open_standard_streams(prints_answers);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of the stream
  int code = 1;
  std::string error;
  try {
    code = work();
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {  // which may be what was thrown, in other words
    const int why = errno != 0 ? errno : why_output_is_lost();
    if (why == EPIPE) return 1;  // who reads has had enough
    error = std::string("standard output cannot be written") + (why != 0 ? std::string(": ") + std::strerror(why) : "");
    code = 1;
  }
  if (!error.empty()) std::fprintf(stderr, "%s: %s\n", program, error.c_str());
  return code;
}

}  // namespace mcnn
