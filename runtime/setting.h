// A key of a configuration file, and how the fields of a struct become keys: data/data_options.cpp is an example. The table that results
// serves reading, checking and writing. Next: train/config.h puts the sections' tables together and reads the file.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace mcnn {

/// One key: where it stands, what it means, how it is kept.
struct Setting {
  std::string section, key, help;
  std::function<void(const std::string&)> read;  ///< throws Error: "'x' is not a number"
  std::function<std::string()> write;
};

/// The keys of one section, each over a field that must outlive the table.
class SettingTable {
 public:
  explicit SettingTable(std::string section) : section_(std::move(section)) {}

  void text(const char* key, std::string& field, const char* help);
  /// One of `valid`, which is added to the help.
  void choice(const char* key, std::string& field, const std::vector<std::string>& valid, const char* help);
  /// Separated by commas; empty ones are left out.
  void list(const char* key, std::vector<std::string>& field, const char* help);
  /// None, or `count` numbers.
  void numbers(const char* key, std::vector<double>& field, std::size_t count, const char* help);
  void flag(const char* key, bool& field, const char* help);
  /// int, uint64_t or double, from `least` to `most`.
  template <class Number>
  void number(const char* key, Number& field, Number least, Number most, const char* help);

  std::vector<Setting> rows;

 private:
  std::string section_;
};

/// What a configuration file takes for blanks.
inline constexpr const char* kBlanks = " \t\r\n\f\v";
/// Without the blanks around it.
std::string trimmed(const std::string& text);

}  // namespace mcnn
