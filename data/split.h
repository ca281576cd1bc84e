// Training and held-out photos with nobody on both sides. A split by photo puts faces a network has memorised into its exam,
// and its score there says nothing about strangers.
// Next: same_content.h finds copies of a photo under other names; layouts.h says who a person is.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace mcnn {

struct Split {
  Dataset training, holdout;
  int64_t training_people = 0, holdout_people = 0;
  int64_t merged_people = 0;  ///< people who share a photo with another one: they are kept together
};

/// Holds out about `holdout` (0 <= holdout < 1) of the people. People who share a photo, byte for byte, count as one. People
/// are drawn, by Philox (stream::split), from strata of equal label sets: in the competition's layout, of one gender and age
/// group. Where the people of a class allow it, the class is on both sides. The order of `dataset` does not change who goes
/// where, and is kept on each side. check_disjoint has passed when this returns.
Split split_by_person(const Dataset& dataset, double holdout, uint64_t seed);

/// "1 person", "7 people"
std::string count_of_people(int64_t number);

/// Throws Error, naming the photos, if a person or a file's content is in both.
void check_disjoint(const Dataset& a, const Dataset& b);

}  // namespace mcnn
