// What main() of every program does: opens missing standard streams, reports errors in one line, and returns an exit code that is 0 only
// if the output was written.
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

/// Opens /dev/null for standard streams that the caller closed: else the next opened file would get their number, and output would go
/// into that file. A closed standard output that should carry answers is opened for reading, so that writing fails and is reported.
inline void open_standard_streams(bool prints_answers) {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)!::open("/dev/null", fd == 0 || (fd == 1 && prints_answers) ? O_RDONLY : O_WRONLY);
}

/// The errno of a write to standard output, tried again because stdio has lost the reason of an earlier failure. 0: the write worked.
inline int why_output_is_lost() {
  errno = 0;
  return ::write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
}

/// Runs `work`, which returns an exit code. An exception gives one line on standard error and exit code 1. So does standard output that
/// could not be written: a full disk must not look like success. Standard error may fail; it only carries progress and notes.
template <class Work>
int run_program(const char* program, const Work& work, bool prints_answers = true) {
  open_standard_streams(prints_answers);
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed pipe fails with EPIPE instead of ending the program
  int code = 1;
  std::string error;
  try {
    code = work();
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {  // replaces an exception of the same cause
    const int why = errno != 0 ? errno : why_output_is_lost();
    if (why == EPIPE) return 1;  // the reader closed the pipe, as `head` does: no message
    error = std::string("standard output cannot be written") + (why != 0 ? std::string(": ") + std::strerror(why) : "");
    code = 1;
  }
  if (!error.empty()) std::fprintf(stderr, "%s: %s\n", program, error.c_str());
  return code;
}

}  // namespace mcnn
