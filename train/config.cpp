// Reads config.ini (with inih) and --set through the sections' tables: settings() of each *_options.h, runtime/setting.h. An error names
// file, section, key and value. Next: trainer.h.
#include "train/config.h"

#include <ini.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {

std::vector<Setting> settings(Config& config) {
  std::vector<Setting> all;
  const auto add = [&](auto& section) {
    for (Setting& s : settings(section)) all.push_back(std::move(s));
  };
  add(config.run);
  add(config.model);
  add(config.weights);
  add(config.data);
  add(config.train);
  return all;
}

namespace {

Setting& find(std::vector<Setting>& table, const std::string& section, const std::string& key) {
  std::vector<std::string> sections, keys;
  for (Setting& s : table) {
    if (s.section == section && s.key == key) return s;
    if (sections.empty() || sections.back() != s.section) sections.push_back(s.section);
    if (s.section == section) keys.push_back(s.key);
  }
  if (keys.empty()) fail("unknown section [{}]{}", section, did_you_mean(section, sections));
  fail("[{}] unknown key '{}'{}", section, key, did_you_mean(key, keys));
}

/// Refuses values that would not survive being written to config.ini: several lines, or a ';' that would begin a comment.
void require_writable(const std::string& value) {
  if (value.find_first_of("\r\n") != std::string::npos) fail("is more than one line");
  for (std::size_t at = value.find(';'); at != std::string::npos; at = value.find(';', at + 1))
    if (at == 0 || std::string_view(kBlanks).find(value[at - 1]) != std::string_view::npos) fail("';' begins a comment");
}

void set(std::vector<Setting>& table, const std::string& section, const std::string& key, const std::string& value) {
  Setting& setting = find(table, section, key);
  try {
    require_writable(trimmed(value));
    setting.read(trimmed(value));
    require_writable(setting.write());  // writing a list puts a blank after each comma: "a,;b" becomes "a, ;b", whose rest is a comment
  } catch (const Error& e) {
    fail("[{}] {} = {}: {}", section, key, value.substr(0, value.find_first_of("\r\n")), e.what());
  }
}

struct Reading {
  std::vector<Setting> table;
  std::vector<std::string> seen;
  std::string error;
};

// inih calls this for each key; 0 reports an error. Depending on how inih was built (INI_STOP_ON_FIRST_ERROR) it then stops or goes on:
// later keys are ignored.
int on_key(void* user, const char* section, const char* key, const char* value) {
  auto& reading = *static_cast<Reading*>(user);
  if (!reading.error.empty()) return 0;
  try {
    const std::string name = fmt::format("[{}] {}", section, key);
    if (std::find(reading.seen.begin(), reading.seen.end(), name) != reading.seen.end()) fail("{} is set twice", name);
    reading.seen.push_back(name);
    set(reading.table, section, key, value);
    return 1;
  } catch (const Error& e) {
    reading.error = e.what();
    return 0;
  }
}

}  // namespace

Config read_config(const std::string& path) {
  Config config;
  Reading reading{settings(config), {}, {}};
  if (std::filesystem::is_directory(path)) fail("{}: cannot be read: it is a folder", path);
  // inih's variables: allow long lines (a path, 18 class names), and take an indented key as a key, not as more of the last value.
  ini_use_stack = false;
  ini_allow_realloc = true;
  ini_max_line = 1 << 20;
  ini_allow_multiline = false;
  const int line = ini_parse(path.c_str(), on_key, &reading);
  if (line == -1) fail("{}: cannot be read", path);
  if (!reading.error.empty()) fail("{}: {}", path, reading.error);
  if (line != 0) fail("{}:{}: neither a [section] nor a key = value", path, line);
  return config;
}

void override_setting(Config& config, const std::string& assignment) {
  const std::size_t equals = assignment.find('='), dot = assignment.find('.');
  if (equals == std::string::npos || dot == std::string::npos || dot > equals)
    fail("'{}' is not of the form section.key=value", assignment);
  auto table = settings(config);
  set(table, assignment.substr(0, dot), trimmed(assignment.substr(dot + 1, equals - dot - 1)), assignment.substr(equals + 1));
}

std::string write_config(const Config& config) {
  Config copy = config;
  std::string text, section;
  for (const Setting& s : settings(copy)) {
    if (s.section != section) text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", section = s.section);
    text += fmt::format("; {}\n{} = {}\n", s.help, s.key, s.write());
  }
  return text;
}

Config with_absolute_paths(Config config) {
  for (std::string* path : {&config.weights.init, &config.data.root, &config.data.csv})
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  return config;
}

}  // namespace mcnn
