// Merges, reads and writes conventions, all three over one list of fields (for_each_field).  Contract: convention.h.
// Next: published.cpp has the tables of public checkpoints.
#include "weights/convention.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "runtime/error.h"
#include "weights/published.h"

namespace mcnn {
namespace {

std::string text_of(const std::string& value) { return value; }
std::string text_of(const Padding& value) { return value.str(); }
std::string text_of(float value) { return fmt::format("{}", value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(int value) { return std::to_string(value); }
std::string text_of(const std::array<float, 3>& value) { return fmt::format("{}", fmt::join(value, ",")); }
std::string text_of(const std::vector<std::string>& value) { return nlohmann::json(value).dump(); }

/// Parses a text that is one number; anything else is an error.
template <class T>
void parse_number(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) fail("is not a number");
  if constexpr (std::is_floating_point_v<T>)
    if (!std::isfinite(value)) fail("is not finite");
}

void parse(const std::string& text, std::string& value) { value = text; }
void parse(const std::string& text, Padding& value) {
  try {
    value = Padding::parse(text);
  } catch (const Error&) {  // its message would repeat the text, which the caller prints
    fail("is none of same, same:HxW (same:380x380), symmetric");
  }
}
// Batch norm's epsilon.
void parse(const std::string& text, float& value) {
  parse_number(text, value);
  if (!(value > 0)) fail("is not positive");
  if (value > 1) fail("is above 1");
}
// The crop's share of the shorter side. Below a hundredth it is a mistake, and photos would have to be resized enormously.
void parse(const std::string& text, double& value) {
  parse_number(text, value);
  if (!(value > 0 && value <= 1)) fail("is not in (0,1]");
  if (value < 0.01) fail("is below 0.01");
}
// The resolution, with the bounds of [data] crop.
void parse(const std::string& text, int& value) {
  parse_number(text, value);
  if (value < 1) fail("is not positive");
  if (value < 8 || value > 8192) fail("is outside 8 to 8192");
}
void parse(const std::string& text, std::array<float, 3>& value) {
  std::size_t from = 0;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::size_t comma = channel < 2 ? text.find(',', from) : text.size();
    if (comma == std::string::npos) fail("is not three numbers");
    parse_number(text.substr(from, comma - from), value[channel]);
    from = comma + 1;
  }
}
void parse(const std::string& text, std::vector<std::string>& value) {
  const auto list = nlohmann::json::parse(text, nullptr, false);
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), [](const auto& item) { return item.is_string(); }))
    fail("is not a list of names");
  value = list.get<std::vector<std::string>>();
}

/// Calls visit(name, the field in each convention) for every field.
template <class Visit, class... Conventions>
void for_each_field(const Visit& visit, Conventions&... c) {
  visit("model", c.model...);
  visit("padding", c.padding...);
  visit("bn_eps", c.bn_eps...);
  visit("mean", c.mean...);
  visit("std", c.std...);
  visit("resolution", c.resolution...);
  visit("crop_pct", c.crop_pct...);
  visit("interpolation", c.interpolation...);
  visit("crop_rule", c.crop_rule...);
  visit("classes", c.classes...);
}

/// Reads a convention stated in words: "dynamic SAME padding, BN eps 1e-3", "SAME padding fixed at 64x64", "symmetric padding".
void read_words(std::string words, Convention& c) {
  std::transform(words.begin(), words.end(), words.begin(), [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
  const std::string source = "metadata 'convention'";
  std::smatch found;
  if (!c.padding) {
    if (std::regex_search(words, found, std::regex("same padding fixed at ([0-9]+x[0-9]+)")))
      c.padding = {Padding::parse("same:" + found[1].str()), source};
    else if (words.find("symmetric padding") != std::string::npos)
      c.padding = {Padding::parse("symmetric"), source};
    else if (words.find("same padding") != std::string::npos)
      c.padding = {Padding::parse("same"), source};
  }
  if (!c.bn_eps && std::regex_search(words, found, std::regex("bn eps ([0-9.]+(e-?[0-9]+)?)"))) {
    float eps = 0;
    parse(found[1].str(), eps);
    c.bn_eps = {eps, source};
  }
}

/// Parses the fields present in `texts`. source(field) names their origin; an error message begins with `where` and that name.
template <class Source>
Convention read_fields(const Metadata& texts, const std::string& where, const Source& source) {
  Convention out;
  for_each_field(
      [&](const char* name, auto& field) {
        const auto it = texts.find(name);
        if (it == texts.end()) return;
        field.emplace();
        field->source = source(name);
        try {
          parse(it->second, field->value);
        } catch (const Error& e) {
          fail("{}{}: {} {}", where, field->source, printable(it->second), e.what());
        }
      },
      out);
  // mean and std are for channels in [0,1]. Values far outside that range would overflow later.
  for (const auto& [name, field] : {std::pair("mean", out.mean), std::pair("std", out.std)})
    if (field && std::ranges::any_of(field->value, [](float v) { return std::abs(v) > 1000; }))
      fail("{}{}: {} is outside -1000 to 1000", where, field->source, printable(texts.at(name)));
  if (out.std && std::ranges::min(out.std->value) <= 0)
    fail("{}{}: {} is not above 0 in every channel", where, out.std->source, printable(texts.at("std")));
  return out;
}

}  // namespace

Convention merged(const Convention& first, const Convention& second) {
  Convention out = first;
  for_each_field(
      [](const char*, auto& a, const auto& b) {
        if (!a) a = b;
      },
      out, second);
  return out;
}

Convention convention_of_metadata(const std::string& path, const Metadata& metadata) {
  Convention out = read_fields(metadata, path + ": ", [](const char* name) { return fmt::format("metadata '{}'", name); });
  if (const auto it = metadata.find("convention"); it != metadata.end()) read_words(it->second, out);
  return out;
}

Convention convention_of_flags(const Metadata& flags) {
  return read_fields(flags, "", [](std::string name) {
    std::replace(name.begin(), name.end(), '_', '-');
    return "--" + name;
  });
}

Convention resolve_convention(const Convention& flags, const TensorFile& file) {
  const Convention stated = merged(flags, convention_of_metadata(file.path(), file.metadata()));
  return merged(stated, published_convention(file, stated.model ? stated.model->value : ""));
}

Metadata metadata_of(const Convention& convention) {
  Metadata out;
  for_each_field(
      [&](const char* name, const auto& field) {
        if (field) out[name] = text_of(field->value);
      },
      convention);
  return out;
}

std::string describe(const Convention& convention) {
  std::string out;
  for_each_field(
      [&](const char* name, const auto& field) {
        if (!field) {
          out += fmt::format("{:<14} unknown\n", name);
          return;
        }
        std::string value = text_of(field->value);
        if (value.size() > 60) value = value.substr(0, 57) + "...";
        out += fmt::format("{:<14} {:<24} {}{}\n", name, value, field->guess ? "guessed from " : "from ", field->source);
      },
      convention);
  return out;
}

}  // namespace mcnn
