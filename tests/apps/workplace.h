// A folder for tests of the programs: a few photos of three classes, and a configuration that trains a tiny network on them in a fraction
// of a second.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tests/apps/program.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {

class Workplace {
 public:
  Workplace();

  std::string operator/(const std::string& name) const { return folder_ / name; }
  std::string write(const std::string& name, const std::string& content) const { return folder_.write(name, content); }
  /// photos/{cat,dog,owl}/{class}{0..5}.jpg
  const std::vector<std::string>& photos() const { return photos_; }
  static const std::vector<std::string>& classes();

  /// mcnn-train on config.ini, into `run`; `settings` are "section.key=value".
  Outcome train(const std::string& run, const std::vector<std::string>& settings = {}, const std::vector<std::string>& more = {}) const;
  /// The same, but files cannot grow beyond this many bytes.
  Outcome train_on_full_disk(const std::string& run, int64_t largest_file) const;
  Outcome resume(const std::string& run) const { return run_program("mcnn-train", {"--resume", *this / run}); }

  /// Names in a folder, sorted, those with a dot too.
  std::vector<std::string> names_in(const std::string& folder) const;

 private:
  std::vector<std::string> arguments(const std::string& run, const std::vector<std::string>& settings) const;

  TemporaryFolder folder_;
  std::vector<std::string> photos_;
};

std::string bytes_of(const std::string& path);

/// A JPEG in which the class shows as a colour.
std::string tiny_photo(int label, int number);

}  // namespace mcnn
