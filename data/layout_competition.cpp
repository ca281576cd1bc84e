// Reads the competition's layout: a folder per person with seven photos, whose names say how the mask is worn.  Contract: layouts.h.
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "data/csv.h"
#include "data/folder_listing.h"
#include "data/layouts.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

constexpr int kMasks = 3, kGenders = 2, kAges = 3;

struct Person {
  std::string id, folder;
  int gender = 0, age_group = 0;
  std::string source;  ///< "train.csv:12" or the folder
};

std::optional<int> mask_of(const std::string& stem) {
  static const std::map<std::string, int> masks = {{"mask1", 0}, {"mask2", 0},          {"mask3", 0}, {"mask4", 0},
                                                   {"mask5", 0}, {"incorrect_mask", 1}, {"normal", 2}};
  const auto it = masks.find(lower_case(stem));
  return it == masks.end() ? std::nullopt : std::optional(it->second);
}

int gender_of(const std::string& word, const std::string& where) {
  if (word != "male" && word != "female") fail("{}: gender '{}', expected male or female", where, word);
  return word == "female";
}

int age_group_of(int64_t age, const std::string& where) {
  if (age < 0 || age > 120) fail("{}: age {}, expected 0 to 120", where, age);
  return age < 30 ? 0 : age < 60 ? 1 : 2;
}

/// "001498-1" -> "001498": a few ids in the competition's data have a suffix.
std::string without_suffix(const std::string& id) { return id.substr(0, id.find('-', 1)); }

std::vector<Person> people_of_table(const std::string& path) {
  const Csv csv = read_csv_table(path);
  const std::size_t id = csv.column("id"), gender = csv.column("gender"), folder = csv.column("path");
  csv.column("age");
  std::vector<Person> people;
  std::map<std::string, std::size_t> by_folder;
  for (const CsvRow& row : csv.rows) {
    const std::string where = fmt::format("{}:{}", csv.name, row.line);
    const std::string about = "id " + row.fields[id];
    if (row.fields[id].empty()) fail("{}: the id is empty", where);
    Person person{without_suffix(row.fields[id]), row.fields[folder], gender_of(row.fields[gender], where),
                  age_group_of(csv_number(csv, row, "age", about), where), where};
    const auto [it, is_new] = by_folder.emplace(person.folder, people.size());
    if (is_new) {
      people.push_back(std::move(person));
      continue;
    }
    const Person& other = people[it->second];  // a repeated row is allowed if it says the same
    if (other.id != person.id || other.gender != person.gender || other.age_group != person.age_group)
      fail("{}: folder '{}' ({}) is described differently at {}", where, person.folder, about, other.source);
  }
  return people;
}

Person person_of_folder(const std::string& folder) {
  std::vector<std::string> parts(1);
  for (const char c : folder) {
    if (c == '_')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  const std::string where = "images/" + folder;
  const bool is_number =
      parts.size() == 4 && !parts[3].empty() && parts[3].size() < 6 && parts[3].find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || parts[0].empty()) fail("{}: the name is not of the form id_gender_race_age", where);
  return {without_suffix(parts[0]), folder, gender_of(parts[1], where), age_group_of(std::stoi(parts[3]), where), where};
}

std::vector<Person> people_of_folders(const std::string& images) {
  std::vector<Person> people;
  for (const std::string& folder : subfolders_of(images)) people.push_back(person_of_folder(folder));
  return people;
}

}  // namespace

std::vector<std::string> competition_classes() {
  std::vector<std::string> names;
  for (const char* mask : {"wear", "incorrect", "normal"})
    for (const char* gender : {"male", "female"})
      for (const char* age : {"<30", "30-59", ">=60"}) names.push_back(fmt::format("{}/{}/{}", mask, gender, age));
  static_assert(kMasks * kGenders * kAges == 18);
  return names;
}

Dataset read_competition(const std::string& root) {
  const std::string images = (fs::path(root) / "images").string(), table = (fs::path(root) / "train.csv").string();
  if (!is_folder(images)) {
    const bool one_deeper = is_folder((fs::path(root) / "train" / "images").string());
    fail("{}: has no folder 'images'{}", root, one_deeper ? ", but its subfolder 'train' has one: is that the root?" : "");
  }
  std::error_code unreadable;
  const bool has_table = fs::exists(table, unreadable) || unreadable;  // a table that cannot be read is an error, not absent
  Dataset dataset{{}, competition_classes()};
  if (const std::size_t loose = photos_in(images, dataset.skipped).size(); loose > 0)
    dataset.skipped["photos beside the people's folders"] += static_cast<int64_t>(loose);
  std::set<std::string> folders;
  for (const std::string& folder : subfolders_of(images)) folders.insert(folder);
  for (const Person& person : has_table ? people_of_table(table) : people_of_folders(images)) {
    const fs::path folder = fs::path(images) / person.folder;
    if (person.folder.empty() || !is_folder(folder.string())) fail("{}: no folder '{}' (id {})", person.source, folder.string(), person.id);
    folders.erase(person.folder);
    const std::vector<std::string> photos = photos_in(folder.string(), dataset.skipped);
    if (photos.empty()) fail("{}: folder '{}' holds no photo (id {})", person.source, folder.string(), person.id);
    for (const std::string& photo : photos) {
      const auto mask = mask_of(fs::path(photo).stem().string());
      if (!mask) fail("{}: the name is none of mask1 to mask5, incorrect_mask, normal", (folder / photo).string());
      const int label = (*mask * kGenders + person.gender) * kAges + person.age_group;
      dataset.photos.push_back({(folder / photo).string(), label, person.id});
    }
  }
  if (!folders.empty()) dataset.skipped["folders that train.csv does not list"] += static_cast<int64_t>(folders.size());
  if (dataset.photos.empty()) fail("{}: holds no photos", root);
  return dataset;
}

}  // namespace mcnn
