// Folder layouts: where photos lie, what they show and who is on them. Each becomes a Dataset in an order that is the same
// on every machine. Names that begin with a dot are skipped everywhere, and so are files that are not called .jpg, .jpeg,
// .jpe, .jfif, .png, .bmp, .gif, .webp or, with libheif, .heic, .heif, .hif or .avif (in any case). Every problem is one Error that names
// the file and line. Next: layout_competition.cpp, layout_folders.cpp, layout_csv.cpp, layout_info.cpp; split.h.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace mcnn {

/// The competition's: root/images/{id}_{gender}_{race}_{age}/{mask1..mask5,incorrect_mask,normal}.ext, and root/train.csv
/// (id,gender,race,age,path), which is the list of folders and outranks their names; without it the names are read.
/// Class = mask*6 + gender*3 + age: mask worn 0, incorrect 1, normal 2; male 0, female 1; age <30 0, <60 1, else 2.
/// Person: the id without a suffix such as "-1"; rows that repeat an id are one person.
Dataset read_competition(const std::string& root);

/// "wear/male/<30", ... in class order.
std::vector<std::string> competition_classes();

/// One folder per class, named as the class, in sorted order. Person: the folder inside the class folder that holds the
/// photo; of photos that lie in the class folder itself, the file's stem (the same stem in two classes is one person).
Dataset read_folders(const std::string& root);

/// A table with the columns `path` (relative to `root`), `label` and, if there, `group` (the person; otherwise every path is
/// a person of its own). A label is a class name or a class's index. `classes` empty: the sorted names in the table, or
/// 0..largest if all labels are numbers, which must leave none of these out.
Dataset read_csv(const std::string& csv, const std::string& root, const std::vector<std::string>& classes);

/// What is to be predicted: a table with the columns ImageID (relative to `images`) and ans, in the table's order.
/// Labels are unknown, for `ans` holds placeholders; with `classes` it is the true one, below `classes`. Person: the ImageID.
/// Throws Error for a photo that is not there unless they `may_be_missing`.
Dataset read_info(const std::string& csv, const std::string& images, int64_t classes = 0, bool may_be_missing = false);

}  // namespace mcnn
