// Every failure that a user can cause is an Error: one line that names the file or the field, what was found and what was expected.
// Programs print what() and exit with 1. No other exception leaves a library on purpose.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace mcnn {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor whose shape or type does not fit the operation: a mistake in the program, not in its input.
struct ShapeError : Error {
  using Error::Error;
};

template <class E = Error, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace mcnn
