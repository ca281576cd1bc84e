// The data set that a configuration names, and the table of who is on which side of its split.
#pragma once
#include <string>
#include <vector>

#include "data/data_options.h"
#include "data/dataset.h"
#include "data/split.h"

namespace mcnn {

/// Throws Error in the configuration's words.
Dataset read_dataset(const DataOptions& options);

/// Of the data, where data is given; else the competition's.
std::vector<std::string> classes_of(const DataOptions& options);

/// What is to be said of a share of held-out people that is far from the wish, by more than rounding; empty: nothing.
std::string holdout_note(const Split& split, double wish);

/// split.csv: path,class,person,side; first those who are trained on.
std::string split_table(const Split& split);

}  // namespace mcnn
