// The message of the Error that a call throws, and a check of its words.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "runtime/error.h"

namespace mcnn {

/// The Error's text; "no error" if `call` throws none.
template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

/// Whether `text` is one line that holds all of `words`.
inline testing::AssertionResult says(const std::string& text, const std::vector<std::string>& words) {
  if (text.find('\n') != std::string::npos) return testing::AssertionFailure() << "more than a line: " << text;
  for (const std::string& word : words)
    if (text.find(word) == std::string::npos) return testing::AssertionFailure() << "'" << text << "' does not say '" << word << "'";
  return testing::AssertionSuccess();
}

}  // namespace mcnn
