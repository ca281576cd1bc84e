// Splits a data set into training and held-out photos by person: nobody is on both sides. With a split by photo the network would be
// scored on people it has trained on, and the score would say nothing about other people.
// Next: same_content.h finds copies of a photo; layouts.h defines who a person is.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace mcnn {

struct Split {
  Dataset training, holdout;
  int64_t training_people = 0, holdout_people = 0;
  int64_t merged_people = 0;  ///< people who share a photo with others and are kept on one side with them
};

/// Holds out about `holdout` (0 <= holdout < 1) of the people. People who share a photo, byte for byte, count as one. People with the
/// same set of labels form a stratum (in the competition's layout: one gender and age group). From each stratum people are drawn at random
/// by `seed` (Philox, stream::split). A class of two people or more is on both sides if the strata allow it. The order of `dataset` does
/// not affect the split, and is kept on each side. The result has passed check_disjoint().
Split split_by_person(const Dataset& dataset, double holdout, uint64_t seed);

/// "1 person", "7 people"
std::string count_of_people(int64_t number);

/// Throws Error, naming the photos, if a person or a file's content is in both sets.
void check_disjoint(const Dataset& a, const Dataset& b);

}  // namespace mcnn
