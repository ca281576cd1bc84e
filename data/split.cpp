// Joins people who share photos into groups, puts groups into strata by their labels, and draws groups from each stratum.
// Contract: split.h.
#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "data/permutation.h"
#include "data/same_content.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using Labels = std::set<int>;

/// People who must be on one side.
struct Group {
  std::set<std::string> people;
  Labels labels;
  bool held_out = false;
};

std::vector<std::string> paths_of(const Dataset& dataset) {
  std::vector<std::string> paths;
  for (const Photo& photo : dataset.photos) paths.push_back(photo.path);
  return paths;
}

/// Union-find over photos: those of one person and those of one content are joined.
class Sets {
 public:
  explicit Sets(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

/// Groups sorted by their first person's name, so that the order of photos does not matter.
std::vector<Group> groups_of(const Dataset& dataset) {
  const auto& photos = dataset.photos;
  Sets sets(photos.size());
  std::map<std::string, std::size_t> first_of_person;
  for (std::size_t i = 0; i < photos.size(); ++i) sets.join(i, first_of_person.emplace(photos[i].person, i).first->second);
  const std::vector<std::size_t> first = first_with_same_content(paths_of(dataset));
  for (std::size_t i = 0; i < photos.size(); ++i) sets.join(i, first[i]);

  std::map<std::size_t, Group> by_root;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    Group& group = by_root[sets.find(i)];
    group.people.insert(photos[i].person);
    group.labels.insert(photos[i].label);
  }
  std::vector<Group> groups;
  groups.reserve(by_root.size());
  for (auto& [root, group] : by_root) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return *a.people.begin() < *b.people.begin(); });
  return groups;
}

/// Draws the share `holdout` of the groups of each stratum, rounded; the rounding error is carried over to the next stratum.
void draw(std::vector<Group>& groups, double holdout, uint64_t seed) {
  std::map<Labels, std::vector<Group*>> strata;
  for (Group& group : groups) strata[group.labels].push_back(&group);
  double owed = 0;
  uint32_t step = 0;
  for (auto& [labels, members] : strata) {
    const int64_t n = static_cast<int64_t>(members.size());
    owed += holdout * static_cast<double>(n);
    const int64_t taken = std::clamp(static_cast<int64_t>(std::llround(owed)), int64_t{0}, n);
    const auto order = permutation(n, {seed, stream::split, step++});
    for (int64_t i = 0; i < taken; ++i) members[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]->held_out = true;
    owed -= static_cast<double>(taken);
  }
}

int64_t groups_with(const std::vector<Group>& groups, int label, bool held_out) {
  return std::count_if(groups.begin(), groups.end(),
                       [&](const Group& group) { return group.held_out == held_out && group.labels.contains(label); });
}

/// If all people of a class are on one side, moves one of them to the other side, unless another class would lose its last one.
void put_classes_on_both_sides(std::vector<Group>& groups) {
  Labels labels;
  for (const Group& group : groups) labels.insert(group.labels.begin(), group.labels.end());
  for (const int label : labels)
    for (const bool lacking : {false, true}) {
      if (groups_with(groups, label, lacking) > 0) continue;
      const auto movable = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
        return group.labels.contains(label) &&
               std::all_of(group.labels.begin(), group.labels.end(), [&](int own) { return groups_with(groups, own, !lacking) >= 2; });
      });
      if (movable != groups.end()) movable->held_out = lacking;
    }
}

}  // namespace

Split split_by_person(const Dataset& dataset, double holdout, uint64_t seed) {
  if (!(holdout >= 0 && holdout < 1)) fail("[data] holdout = {}, expected 0 or more and less than 1", holdout);
  std::vector<Group> groups = groups_of(dataset);
  if (holdout > 0) {
    if (groups.size() < 2)
      fail("{} cannot be split in two ([data] holdout = {})", count_of_people(static_cast<int64_t>(groups.size())), holdout);
    draw(groups, holdout, seed);
    put_classes_on_both_sides(groups);
  }
  Split split{{{}, dataset.classes}, {{}, dataset.classes}};
  std::set<std::string> held_out;
  for (const Group& group : groups) {
    const int64_t people = static_cast<int64_t>(group.people.size());
    (group.held_out ? split.holdout_people : split.training_people) += people;
    if (people > 1) split.merged_people += people;
    if (group.held_out) held_out.insert(group.people.begin(), group.people.end());
  }
  for (const Photo& photo : dataset.photos) (held_out.contains(photo.person) ? split.holdout : split.training).photos.push_back(photo);
  if (holdout > 0 && (split.holdout.photos.empty() || split.training.photos.empty()))
    fail("[data] holdout = {} of {} people leaves one side empty", holdout, split.training_people + split.holdout_people);
  check_disjoint(split.training, split.holdout);
  return split;
}

std::string count_of_people(int64_t number) { return fmt::format("{} {}", number, number == 1 ? "person" : "people"); }

void check_disjoint(const Dataset& a, const Dataset& b) {
  std::map<std::string, const Photo*> people;
  for (const Photo& photo : a.photos) people.emplace(photo.person, &photo);
  for (const Photo& photo : b.photos)
    if (const auto it = people.find(photo.person); it != people.end())
      fail("'{}' and '{}' show one person ({}) on two sides of the split", it->second->path, photo.path, photo.person);

  std::vector<std::string> paths = paths_of(a);
  const std::vector<std::string> others = paths_of(b);
  paths.insert(paths.end(), others.begin(), others.end());
  const std::vector<std::size_t> first = first_with_same_content(paths);
  for (std::size_t i = a.photos.size(); i < paths.size(); ++i)
    if (first[i] < a.photos.size()) fail("'{}' and '{}' are the same photo on two sides of the split", paths[first[i]], paths[i]);
}

}  // namespace mcnn
