// Turns fields of a struct into keys of a configuration file; data/data_options.cpp is an example. The resulting table is used to read,
// check and write the file. Next: train/config.h puts the sections' tables together and reads the file.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace mcnn {

/// One key: its section, its name, its help text, and functions that set and print its field.
struct Setting {
  std::string section, key, help;
  std::function<void(const std::string&)> read;  ///< sets the field; throws Error: "'x' is not a number"
  std::function<std::string()> write;
};

/// The keys of one section. Each refers to a field, which must outlive the table.
class SettingTable {
 public:
  explicit SettingTable(std::string section) : section_(std::move(section)) {}

  void text(const char* key, std::string& field, const char* help);
  /// One of `valid`; these are added to the help.
  void choice(const char* key, std::string& field, const std::vector<std::string>& valid, const char* help);
  /// Texts separated by commas; empty ones are dropped.
  void list(const char* key, std::vector<std::string>& field, const char* help);
  /// Exactly `count` numbers, or none.
  void numbers(const char* key, std::vector<double>& field, std::size_t count, const char* help);
  void flag(const char* key, bool& field, const char* help);
  /// int, uint64_t or double, from `least` to `most`.
  template <class Number>
  void number(const char* key, Number& field, Number least, Number most, const char* help);

  std::vector<Setting> rows;

 private:
  std::string section_;
};

/// Characters that count as blanks in a configuration file.
inline constexpr const char* kBlanks = " \t\r\n\f\v";
/// The text without leading and trailing blanks.
std::string trimmed(const std::string& text);

}  // namespace mcnn
