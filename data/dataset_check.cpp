// Decodes every photo once, on all threads, then derives the report from what was found.
// Next: same_content.h and near_duplicates.h find photos that are alike; dataset_check_text.cpp prints the report.
#include "data/dataset_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "data/file_bytes.h"
#include "data/image_format.h"
#include "data/layouts.h"
#include "data/same_content.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr int kSmall = 32;      // pixels; a face with a shorter side below this shows little
constexpr double kLongest = 3;  // ratio of the sides; of a longer photo, the central crop shows little

struct Facts {
  std::string error, format;
  int width = 0, height = 0;
  bool is_grey = false;
  Thumbnail thumbnail{};
};

std::string name_of_format(std::span<const std::byte> bytes) {
  switch (const FoundFormat found = format_of(bytes); found.format) {
    case ImageFormat::jpeg: return "jpeg";
    case ImageFormat::webp: return "webp";
    case ImageFormat::heif: return found.name == "AVIF" ? "avif" : "heic";
    default: break;
  }
  return bytes[0] == std::byte{0x89} ? "png" : bytes[0] == std::byte{'G'} ? "gif" : "bmp";
}

Facts facts_of(const std::string& path, int64_t most_pixels) {
  Facts facts;
  try {
    const std::vector<std::byte> bytes = read_file(path);
    const Image image = decode_image(bytes, path, most_pixels);
    facts.format = name_of_format(bytes);
    facts.width = image.width;
    facts.height = image.height;
    facts.thumbnail = thumbnail_of(image);
    facts.is_grey = true;
    for (std::size_t i = 0; i < image.rgb.size() && facts.is_grey; i += 3)
      facts.is_grey = image.rgb[i] == image.rgb[i + 1] && image.rgb[i] == image.rgb[i + 2];
  } catch (const std::exception& e) {
    facts.error = e.what();
  }
  return facts;
}

std::vector<Facts> all_facts(const Dataset& dataset, int threads, int64_t most_pixels,
                             const std::function<void(int64_t, int64_t)>& progress) {
  const std::size_t n = dataset.photos.size();
  std::vector<Facts> facts(n);
  std::atomic<std::size_t> next = 0, done = 0;
  const auto work = [&](bool tells) {
    for (std::size_t i; (i = next++) < n;) {
      facts[i] = facts_of(dataset.photos[i].path, most_pixels);
      const std::size_t now = ++done;
      if (tells && progress) progress(static_cast<int64_t>(now), static_cast<int64_t>(n));
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      for (int i = 1; i < threads; ++i) others.emplace_back(work, false);
    } catch (const std::system_error&) {  // no more threads can be made: the others do the work
    }
    work(true);
  }
  if (progress && n > 0) progress(static_cast<int64_t>(n), static_cast<int64_t>(n));
  return facts;
}

DatasetCheck::Range range_of(std::vector<int64_t> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

void say_whose(const Dataset& dataset, DatasetCheck::Alike& alike) {
  const Photo& first = dataset.photos[alike.photos.front()];
  for (const std::size_t i : alike.photos) {
    alike.of_several_people |= dataset.photos[i].person != first.person;
    alike.of_several_classes |= dataset.photos[i].label != first.label;
  }
}

void count(const Dataset& dataset, DatasetCheck& check) {
  check.classes.resize(dataset.classes.size());
  std::map<std::string, int64_t> of_person;
  std::vector<std::set<std::string>> people(dataset.classes.size());
  for (const Photo& photo : dataset.photos) {
    ++of_person[photo.person];
    ++check.classes[static_cast<std::size_t>(photo.label)].photos;
    people[static_cast<std::size_t>(photo.label)].insert(photo.person);
  }
  for (std::size_t k = 0; k < people.size(); ++k) check.classes[k].people = static_cast<int64_t>(people[k].size());
  check.all = {static_cast<int64_t>(dataset.photos.size()), static_cast<int64_t>(of_person.size())};
  std::vector<int64_t> counts;
  for (const auto& [person, photos] : of_person) counts.push_back(photos);
  check.photos_of_a_person = range_of(std::move(counts));
  const auto with_photos = std::count_if(check.classes.begin(), check.classes.end(), [](const auto& c) { return c.photos > 0; });
  if (with_photos < 2) check.obstacles.push_back("photos of only one class; is DIR one folder too high?");
  if (of_person.size() < 2) check.obstacles.push_back("photos of only one person: nobody can be held out");
  if (dataset.classes != competition_classes()) return;
  for (std::size_t k = 0; k < dataset.classes.size(); ++k) {  // "wear/male/<30"
    const std::string& name = dataset.classes[k];
    const std::size_t first = name.find('/'), second = name.rfind('/');
    check.tasks["mask"][name.substr(0, first)] += check.classes[k].photos;
    check.tasks["gender"][name.substr(first + 1, second - first - 1)] += check.classes[k].photos;
    check.tasks["age"][name.substr(second + 1)] += check.classes[k].photos;
  }
}

void find_alike(const Dataset& dataset, const std::vector<Facts>& facts, DatasetCheck& check) {
  std::vector<std::string> paths;
  std::vector<std::size_t> readable;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (!facts[i].error.empty()) continue;
    readable.push_back(i);
    paths.push_back(dataset.photos[i].path);
  }
  const std::vector<std::size_t> first = first_with_same_content(paths);
  std::map<std::size_t, DatasetCheck::Alike> groups;
  std::vector<std::size_t> originals;
  std::vector<Thumbnail> thumbnails;
  for (std::size_t i = 0; i < readable.size(); ++i) {
    if (first[i] == i) {
      originals.push_back(readable[i]);
      thumbnails.push_back(facts[readable[i]].thumbnail);
      continue;
    }
    DatasetCheck::Alike& group = groups[first[i]];
    if (group.photos.empty()) group.photos.push_back(readable[first[i]]);
    group.photos.push_back(readable[i]);
  }
  for (auto& [of, group] : groups) {
    say_whose(dataset, group);
    check.duplicates.push_back(std::move(group));
  }
  for (const NearDuplicate& pair : near_duplicates(thumbnails)) {
    DatasetCheck::Alike alike{.photos = {originals[pair.a], originals[pair.b]}, .mirrored = pair.mirrored, .correlation = pair.correlation};
    say_whose(dataset, alike);
    check.near_duplicates.push_back(std::move(alike));
  }
}

}  // namespace

int64_t DatasetCheck::problems() const {
  const auto spoil = [](const std::vector<Alike>& list, bool people_too) {
    return std::count_if(list.begin(), list.end(),
                         [&](const Alike& a) { return a.of_several_classes || (people_too && a.of_several_people); });
  };
  // A split keeps people with byte-identical photos on one side. It does not know near-duplicates, so these may be on both sides.
  return static_cast<int64_t>(obstacles.size() + broken.size()) + spoil(duplicates, false) + spoil(near_duplicates, true);
}

DatasetCheck check_dataset(Dataset dataset, int threads, int64_t most_pixels, const std::function<void(int64_t, int64_t)>& progress) {
  DatasetCheck check;
  count(dataset, check);
  const std::vector<Facts> facts = all_facts(dataset, threads, most_pixels, progress);
  std::vector<int64_t> widths, heights;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const Facts& f = facts[i];
    const std::string& path = dataset.photos[i].path;
    if (!f.error.empty()) {
      check.broken.push_back({path, f.error});
      continue;
    }
    ++check.formats[f.format];
    widths.push_back(f.width);
    heights.push_back(f.height);
    const int shorter = std::min(f.width, f.height), longer = std::max(f.width, f.height);
    if (shorter < kSmall) check.odd.push_back({path, fmt::format("{}x{} pixels", f.width, f.height)});
    if (longer > kLongest * shorter)
      check.odd.push_back({path, fmt::format("{}x{}: one side is more than three times the other", f.width, f.height)});
    if (f.is_grey) check.odd.push_back({path, "grey"});
  }
  check.widths = range_of(std::move(widths));
  check.heights = range_of(std::move(heights));
  find_alike(dataset, facts, check);
  check.dataset = std::move(dataset);
  return check;
}

}  // namespace mcnn
