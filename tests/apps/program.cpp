// Starts processes and collects their output.  Contract: program.h.
#include "tests/apps/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace mcnn {
namespace {

std::string path_of(const std::string& program) { return std::string(MCNN_PROGRAMS) + "/" + program; }

/// Runs in the child process; never returns.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments, int out, int err,
                         std::optional<int64_t> largest_file) {
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (largest_file) {
    const auto bytes = static_cast<rlim_t>(*largest_file);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);  // write() then fails with EFBIG
  }
  const std::string path = path_of(program);
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool is_status(const std::string& line) { return line.find(" img/s ") != std::string::npos || line.starts_with("backend: "); }

std::string everything(const Outcome& o) {
  return o.program + " ended with " + std::to_string(o.status) + "\nstdout:\n" + o.out + "\nstderr:\n" + o.err;
}

}  // namespace

Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, std::optional<int64_t> largest_file) {
  std::array<std::array<int, 2>, 2> pipes{};  // of stdout and stderr: read end, write end
  for (auto& pipe : pipes)
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) become(program, arguments, pipes[0][1], pipes[1][1], largest_file);
  Outcome outcome{.program = program};
  std::array<std::string*, 2> texts{&outcome.out, &outcome.err};
  std::array<pollfd, 2> ends{};
  for (std::size_t i = 0; i < 2; ++i) {
    ::close(pipes[i][1]);
    ends[i] = {pipes[i][0], POLLIN, 0};
  }
  for (int open = 2; open > 0;) {
    ::poll(ends.data(), ends.size(), -1);
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t n = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(n));
      } else if (n == 0 || errno != EINTR) {
        ::close(ends[i].fd);
        ends[i].fd = -1;  // poll ignores it
        --open;
      }
    }
  }
  outcome.status = wait_for(child);
  return outcome;
}

void run_and_kill(const std::string& program, const std::vector<std::string>& arguments, const std::function<bool()>& now) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    become(program, arguments, nowhere, nowhere, {});
  }
  const auto running = [&] {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  };
  while (running() && !now()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGKILL);
  wait_for(child);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

testing::AssertionResult succeeded(const Outcome& outcome) {
  return (outcome.status == 0 ? testing::AssertionSuccess() : testing::AssertionFailure()) << everything(outcome);
}

testing::AssertionResult complained(const Outcome& outcome, const std::vector<std::string>& words) {
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(outcome.err))
    if (!is_status(line)) lines.push_back(line);
  if (outcome.status != 1) return testing::AssertionFailure() << "exit code 1 expected: " << everything(outcome);
  if (lines.size() != 1 || !lines[0].starts_with(outcome.program + ": "))
    return testing::AssertionFailure() << "one line of complaint expected: " << everything(outcome);
  for (const std::string& word : words)
    if (lines[0].find(word) == std::string::npos)
      return testing::AssertionFailure() << "'" << lines[0] << "' does not say '" << word << "'";
  return testing::AssertionSuccess() << lines[0];
}

}  // namespace mcnn
