// Reads data sets in the supported layouts: paths, labels, and who is on each photo. The order of a Dataset is the same on every machine.
// Names that begin with a dot are skipped, and so are files with other extensions than .jpg, .jpeg, .jpe, .jfif, .png, .bmp, .gif, .webp
// and, with libheif, .heic, .heif, .hif and .avif (in upper or lower case). Errors name the file and line.
// Next: layout_competition.cpp, layout_folders.cpp, layout_csv.cpp, layout_info.cpp; split.h.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace mcnn {

/// The competition's layout: root/images/{id}_{gender}_{race}_{age}/{mask1..mask5,incorrect_mask,normal}.ext, and root/train.csv
/// (id,gender,race,age,path), which lists the folders and overrides what their names say. Without it the names are used.
/// Class = mask*6 + gender*3 + age: mask worn 0, incorrect 1, normal 2; male 0, female 1; age <30 0, <60 1, else 2.
/// Person: the id without a suffix such as "-1"; rows that repeat an id are one person.
Dataset read_competition(const std::string& root);

/// The competition's classes, "wear/male/<30", ... in class order.
std::vector<std::string> competition_classes();

/// The layout `folders`: one folder per class, named after the class; classes are sorted by name. Person: the photo's subfolder in the
/// class folder; for photos directly in the class folder, the file's stem (the same stem in two classes is one person).
Dataset read_folders(const std::string& root);

/// The layout `csv`: a table with the columns `path` (relative to `root`), `label` and, optionally, `group` (the person; without it every
/// path is another person). A label is a class name or index. If `classes` is empty, classes are the sorted names in the table, or, if all
/// labels are numbers, 0 to the largest, each of which must occur.
Dataset read_csv(const std::string& csv, const std::string& root, const std::vector<std::string>& classes);

/// A list of photos to classify: a table with the columns ImageID (a path relative to `images`) and ans, in the table's order.
/// classes 0: `ans` is a placeholder, and labels are unknown; else `ans` is the true class, below `classes`. Person: the ImageID.
/// Throws Error for a missing photo unless `may_be_missing`.
Dataset read_info(const std::string& csv, const std::string& images, int64_t classes = 0, bool may_be_missing = false);

}  // namespace mcnn
