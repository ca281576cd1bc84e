// How a value is parsed, checked and written, for each kind of key. Next: train/config.cpp reads configuration files.
#include "runtime/setting.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

template <class Number>
Number parse_number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    fail("'{}' is not {}", text, std::is_integral_v<Number> ? "a whole number" : "a number");
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(value)) fail("'{}' is not a finite number", text);
  return value;
}

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (const std::string item = trimmed(text.substr(begin, comma - begin)); !item.empty()) items.push_back(item);
    begin = comma + 1;
  }
  return items;
}

bool parse_flag(const std::string& text) {
  if (text == "true" || text == "yes" || text == "1") return true;
  if (text == "false" || text == "no" || text == "0") return false;
  fail("'{}' is neither true nor false", text);
}

template <class T>
std::string join(const std::vector<T>& items) {
  std::string text;
  for (const T& item : items) text += (text.empty() ? "" : ", ") + fmt::format("{}", item);
  return text;
}

}  // namespace

void SettingTable::text(const char* key, std::string& field, const char* help) {
  const auto read = [&field](const std::string& v) { field = v; };
  rows.push_back({section_, key, help, read, [&field] { return field; }});
}

void SettingTable::choice(const char* key, std::string& field, const std::vector<std::string>& valid, const char* help) {
  const auto read = [&field, valid](const std::string& v) {
    if (std::find(valid.begin(), valid.end(), v) == valid.end()) fail("'{}' is none of {}{}", v, join(valid), did_you_mean(v, valid));
    field = v;
  };
  rows.push_back({section_, key, fmt::format("{} ({})", help, join(valid)), read, [&field] { return field; }});
}

void SettingTable::list(const char* key, std::vector<std::string>& field, const char* help) {
  const auto read = [&field](const std::string& v) { field = parse_list(v); };
  rows.push_back({section_, key, help, read, [&field] { return join(field); }});
}

void SettingTable::numbers(const char* key, std::vector<double>& field, std::size_t count, const char* help) {
  const auto read = [&field, count](const std::string& v) {
    field.clear();
    for (const std::string& item : parse_list(v)) field.push_back(parse_number<double>(item));
    if (!field.empty() && field.size() != count) fail("{} numbers, expected {}", field.size(), count);
  };
  rows.push_back({section_, key, help, read, [&field] { return join(field); }});
}

void SettingTable::flag(const char* key, bool& field, const char* help) {
  const auto read = [&field](const std::string& v) { field = parse_flag(v); };
  rows.push_back({section_, key, help, read, [&field] { return std::string(field ? "true" : "false"); }});
}

template <class Number>
void SettingTable::number(const char* key, Number& field, Number least, Number most, const char* help) {
  const auto read = [&field, least, most](const std::string& v) {
    const auto value = parse_number<Number>(v);
    if (value < least || value > most) fail("{} is outside {} to {}", value, least, most);
    field = value;
  };
  rows.push_back({section_, key, help, read, [&field] { return fmt::format("{}", field); }});
}
template void SettingTable::number(const char*, int&, int, int, const char*);
template void SettingTable::number(const char*, uint64_t&, uint64_t, uint64_t, const char*);
template void SettingTable::number(const char*, double&, double, double, const char*);

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(kBlanks), last = text.find_last_not_of(kBlanks);
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

}  // namespace mcnn
