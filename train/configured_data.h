// The data set that a configuration names, and the table of who is on which side of its split.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/split.h"
#include "train/config.h"

namespace mcnn {

/// Throws Error in the configuration's words.
Dataset read_dataset(const Config& config);

/// Of the data, where data is given; else the competition's.
std::vector<std::string> classes_of(const Config& config);

/// What is to be said of a share of held-out people that is far from the wish, by more than rounding; empty: nothing.
std::string holdout_note(const Split& split, double wish);

/// split.csv: path,class,person,side; first those who are trained on.
std::string split_table(const Split& split);

/// Paths as absolute ones: they mean the same from anywhere.
Config with_absolute_paths(Config config);

}  // namespace mcnn
