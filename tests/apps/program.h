// Runs the programs as a user does: as processes with arguments, output and an exit code.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mcnn {

struct Outcome {
  std::string program;
  int status = 0;  ///< exit code; 128 + the signal that ended it
  std::string out, err;
};

/// Runs `program` ("mcnn-train") to its end. largest_file: files cannot grow beyond this many bytes; further writes fail, as on a full
/// disk.
Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, std::optional<int64_t> largest_file = {});

/// Starts `program` and kills it with SIGKILL as soon as `now` returns true; returns also if it ended by itself.
void run_and_kill(const std::string& program, const std::vector<std::string>& arguments, const std::function<bool()>& now);

/// Exit code 0.
testing::AssertionResult succeeded(const Outcome& outcome);

/// Exit code 1 and, but for progress and the backend's line, one line on stderr: the program's name and a message that holds all of
/// `words`.
testing::AssertionResult complained(const Outcome& outcome, const std::vector<std::string>& words);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace mcnn
