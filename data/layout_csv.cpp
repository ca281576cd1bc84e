// Reads the layout csv, a table of paths and labels.  Contract: layouts.h.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "data/csv.h"
#include "data/folder_listing.h"
#include "data/layouts.h"
#include "runtime/error.h"
#include "runtime/listed.h"

namespace mcnn {
namespace {

constexpr int kMostClasses = 100'000;  // a larger class index is taken for a mistake

std::optional<int> index_of(const std::string& label) {
  int value = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  if (error != std::errc() || end != label.data() + label.size()) return std::nullopt;
  return value;
}

std::vector<std::string> classes_in(const Csv& csv, std::size_t column) {
  std::set<std::string> names;
  std::set<int> indices;
  bool all_numbers = true;
  for (const CsvRow& row : csv.rows) {
    const std::string& label = row.fields[column];
    const auto index = index_of(label);
    all_numbers &= index.has_value();
    if (index) {
      if (*index < 0 || *index >= kMostClasses) fail("{}:{}: label {} is out of range", csv.name, row.line, *index);
      indices.insert(*index);
    }
    names.insert(label);
  }
  if (!all_numbers) return {names.begin(), names.end()};
  std::vector<std::string> numbers, unused;
  for (int i = 0; !indices.empty() && i <= *indices.rbegin(); ++i) {
    numbers.push_back(std::to_string(i));
    if (!indices.contains(i)) unused.push_back(numbers.back());
  }
  if (!unused.empty())
    fail("{}: labels are numbers up to {}, but no photo has {}; number the classes without gaps, or name them in [data] classes", csv.name,
         numbers.back(), listed(unused));
  return numbers;
}

int label_of(const Csv& csv, const CsvRow& row, const std::string& label, const std::vector<std::string>& classes) {
  const auto it = std::find(classes.begin(), classes.end(), label);
  if (it != classes.end()) return static_cast<int>(it - classes.begin());
  const auto index = index_of(label);
  if (!index) fail("{}:{}: label '{}' is none of the {} classes", csv.name, row.line, label, classes.size());
  if (*index < 0 || *index >= static_cast<int>(classes.size()))
    fail("{}:{}: label {} is out of range, expected 0 to {}", csv.name, row.line, *index, classes.size() - 1);
  return *index;
}

}  // namespace

Dataset read_csv(const std::string& path, const std::string& root, const std::vector<std::string>& classes) {
  const Csv csv = read_csv_table(path);
  const std::size_t photo = csv.column("path"), label = csv.column("label");
  for (const CsvRow& row : csv.rows) {
    if (row.fields[photo].empty()) fail("{}:{}: the path is empty", csv.name, row.line);
    if (row.fields[label].empty()) fail("{}:{}: the label is empty ({})", csv.name, row.line, row.fields[photo]);
  }
  Dataset dataset{{}, classes.empty() ? classes_in(csv, label) : classes, false};
  std::map<std::filesystem::path, int64_t> line_of;
  for (const CsvRow& row : csv.rows) {
    const std::string file = (std::filesystem::path(root) / row.fields[photo]).string();
    if (const auto [first, fresh] = line_of.emplace(std::filesystem::path(file).lexically_normal(), row.line); !fresh)
      fail("{}:{}: {} is listed in line {} already", csv.name, row.line, row.fields[photo], first->second);
    require_file(file, fmt::format("{}:{}", csv.name, row.line));
    const std::string person = csv.has_column("group") ? row.fields[csv.column("group")] : "";
    dataset.people_known |= !person.empty();
    dataset.photos.push_back({file, label_of(csv, row, row.fields[label], dataset.classes), person.empty() ? file : person});
  }
  if (dataset.photos.empty()) fail("{}: lists no photos", csv.name);
  return dataset;
}

}  // namespace mcnn
