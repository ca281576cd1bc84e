// Reads the data set that a configuration names, and writes its split as a table.
// Next: layouts.h reads each layout, split.h splits.
#pragma once
#include <string>
#include <vector>

#include "data/data_options.h"
#include "data/dataset.h"
#include "data/split.h"

namespace mcnn {

/// Throws Error; messages name keys of [data].
Dataset read_dataset(const DataOptions& options);

/// The classes of the data set, if the options name one; else the competition's.
std::vector<std::string> classes_of(const DataOptions& options);

/// A note for the user if the share of people held out differs from `requested` by more than rounding; else "".
std::string holdout_note(const Split& split, double requested);

/// The contents of split.csv: path,class,person,side; training photos first.
std::string split_table(const Split& split);

}  // namespace mcnn
