// Prints a check as a table and as JSON.  Contract: dataset_check.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "data/dataset_check.h"
#include "data/split.h"

namespace mcnn {
namespace {

std::string row(const std::string& name, int64_t photos, int64_t people, int64_t all) {
  return fmt::format("{:<32} {:>8} {:>8} {:>7.1f}%\n", name, photos, people,
                     all > 0 ? 100.0 * static_cast<double>(photos) / static_cast<double>(all) : 0.0);
}

template <class List, class Line>
std::string listed(const std::string& title, const List& list, std::size_t most, const Line& line) {
  if (list.empty()) return fmt::format("{}: none\n", title);
  std::string text = fmt::format("{}: {}\n", title, list.size());
  for (std::size_t i = 0; i < std::min(most, list.size()); ++i) text += "  " + line(list[i]) + "\n";
  if (list.size() > most) text += fmt::format("  and {} more (--all, --json)\n", list.size() - most);
  return text;
}

std::string range(const DatasetCheck::Range& r) { return fmt::format("{} to {}, median {}", r.least, r.most, r.median); }

}  // namespace

std::string table_of(const DatasetCheck& check, std::size_t most) {
  const Dataset& dataset = check.dataset;
  if (check.all.photos == 0) return fmt::format("{}\nfix this first: nothing else could be checked\n", fmt::join(check.obstacles, "\n"));
  std::string text = fmt::format("{:<32} {:>8} {:>8} {:>8}\n", "class", "photos", "people", "share");
  for (std::size_t k = 0; k < dataset.classes.size(); ++k)
    text += row(dataset.classes[k], check.classes[k].photos, check.classes[k].people, check.all.photos);
  text += row("all", check.all.photos, check.all.people, check.all.photos);
  for (const auto& [task, values] : check.tasks) {
    text += task + ":";
    for (const auto& [value, photos] : values) text += fmt::format(" {} {}", value, photos);
    text += "\n";
  }
  if (!dataset.people_known) text += "the data set does not say who is on which photo: each photo counts as another person\n";
  text += fmt::format("photos of a person: {}\n", range(check.photos_of_a_person));
  text += fmt::format("widths: {}; heights: {}\n", range(check.widths), range(check.heights));
  text += "formats:";
  for (const auto& [format, photos] : check.formats) text += fmt::format(" {} {}", format, photos);
  text += "\n";
  if (!dataset.skipped.empty()) {
    text += "skipped:";
    for (const auto& [what, count] : dataset.skipped) text += fmt::format(" {} {};", count, what);
    text.back() = '\n';
  }
  for (const std::string& obstacle : check.obstacles) text += obstacle + "\n";
  text += listed("broken", check.broken, most, [](const DatasetCheck::Noted& n) { return n.what; });
  const auto paths = [&](const DatasetCheck::Alike& alike) {
    std::string line;
    for (const std::size_t i : alike.photos)
      line += fmt::format("{}{} ({})", line.empty() ? "" : " = ", dataset.photos[i].path,
                          dataset.classes[static_cast<std::size_t>(dataset.photos[i].label)]);
    if (alike.of_several_classes) line += ": of several classes";
    if (alike.of_several_people) line += alike.of_several_classes ? " and people" : ": of several people";
    if (alike.mirrored) line += ", mirrored";
    return line;
  };
  text += listed("duplicates (the same bytes)", check.duplicates, most, paths);
  std::vector<DatasetCheck::Alike> of_several;
  for (const DatasetCheck::Alike& alike : check.near_duplicates)
    if (alike.of_several_people || alike.of_several_classes) of_several.push_back(alike);
  text += listed("near-duplicates of several people or classes", of_several, most, paths);
  text += fmt::format("near-duplicates of one person: {}\n", check.near_duplicates.size() - of_several.size());
  text += listed("odd", check.odd, most, [](const DatasetCheck::Noted& n) { return n.path + ": " + n.what; });
  text += check.problems() == 0
              ? "no problems\n"
              : fmt::format(
                    "{} problems: obstacles to training, broken photos, and duplicates with different labels or on two sides of a split\n",
                    check.problems());
  return text;
}

std::string json_of(const DatasetCheck& check) {
  using Json = nlohmann::ordered_json;
  const Dataset& dataset = check.dataset;
  const auto range_of = [](const DatasetCheck::Range& r) { return Json{{"least", r.least}, {"median", r.median}, {"most", r.most}}; };
  const auto notes = [](const std::vector<DatasetCheck::Noted>& list) {
    Json all = Json::array();
    for (const DatasetCheck::Noted& n : list) all.push_back({{"path", n.path}, {"what", n.what}});
    return all;
  };
  const auto alike = [&](const std::vector<DatasetCheck::Alike>& list, bool near) {
    Json all = Json::array();
    for (const DatasetCheck::Alike& a : list) {
      Json photos = Json::array();
      for (const std::size_t i : a.photos)
        photos.push_back({{"path", dataset.photos[i].path},
                          {"class", dataset.classes[static_cast<std::size_t>(dataset.photos[i].label)]},
                          {"person", dataset.photos[i].person}});
      Json one{{"photos", photos}, {"several_people", a.of_several_people}, {"several_classes", a.of_several_classes}};
      if (near) one["mirrored"] = a.mirrored, one["correlation"] = a.correlation;
      all.push_back(one);
    }
    return all;
  };
  Json classes = Json::object();
  for (std::size_t k = 0; k < dataset.classes.size(); ++k)
    classes[dataset.classes[k]] = {{"photos", check.classes[k].photos}, {"people", check.classes[k].people}};
  return Json{{"photos", check.all.photos},
              {"people", check.all.people},
              {"people_known", dataset.people_known},
              {"classes", classes},
              {"tasks", check.tasks},
              {"photos_of_a_person", range_of(check.photos_of_a_person)},
              {"widths", range_of(check.widths)},
              {"heights", range_of(check.heights)},
              {"formats", check.formats},
              {"skipped", dataset.skipped},
              {"obstacles", check.obstacles},
              {"broken", notes(check.broken)},
              {"duplicates", alike(check.duplicates, false)},
              {"near_duplicates", alike(check.near_duplicates, true)},
              {"odd", notes(check.odd)},
              {"problems", check.problems()}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace mcnn
