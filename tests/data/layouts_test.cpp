// Layouts with irregularities found in real data sets, and the error message for each mistake.
// Next: data/layouts.h.
#include "data/layouts.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "runtime/error.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  return "accepted";
}

/// Path below the root -> (label, person).
std::map<std::string, std::pair<int, std::string>> table_of(const Dataset& dataset, const TemporaryFolder& root) {
  std::map<std::string, std::pair<int, std::string>> table;
  for (const Photo& photo : dataset.photos) table[photo.path.substr(root.path().size() + 1)] = {photo.label, photo.person};
  EXPECT_EQ(table.size(), dataset.photos.size()) << "a photo is listed twice";
  return table;
}

void write_person(const TemporaryFolder& root, const std::string& folder) {
  for (const char* name : {"mask1.jpg", "mask2.JPG", "mask3.png", "mask4.jpeg", "mask5.JPEG", "incorrect_mask.Png", "normal.jpg"})
    root.write("images/" + folder + "/" + name, "x");
}

TEST(CompetitionLayout, ClassesOfEveryPhoto) {
  const TemporaryFolder root;
  write_person(root, "000001_female_Asian_45");
  write_person(root, "000002_male_Asian_29");
  write_person(root, "000003_male_Asian_60");
  const Dataset dataset = read_competition(root.path());
  ASSERT_EQ(dataset.classes.size(), 18u);
  EXPECT_EQ(dataset.classes[0], "wear/male/<30");
  EXPECT_EQ(dataset.classes[10], "incorrect/female/30-59");
  EXPECT_EQ(dataset.classes[17], "normal/female/>=60");
  const auto table = table_of(dataset, root);
  EXPECT_EQ(table.size(), 21u);
  using Entry = std::pair<int, std::string>;
  for (const char* mask : {"mask1.jpg", "mask2.JPG", "mask3.png", "mask4.jpeg", "mask5.JPEG"})
    EXPECT_EQ(table.at(std::string("images/000001_female_Asian_45/") + mask), (Entry{4, "000001"}));
  EXPECT_EQ(table.at("images/000001_female_Asian_45/incorrect_mask.Png"), (Entry{10, "000001"}));
  EXPECT_EQ(table.at("images/000001_female_Asian_45/normal.jpg"), (Entry{16, "000001"}));
  EXPECT_EQ(table.at("images/000002_male_Asian_29/mask1.jpg"), (Entry{0, "000002"}));
  EXPECT_EQ(table.at("images/000003_male_Asian_60/normal.jpg"), (Entry{14, "000003"}));
}

TEST(CompetitionLayout, TheTableOutranksFolderNames) {
  const TemporaryFolder root;
  write_person(root, "000001_female_Asian_45");
  write_person(root, "anything");
  write_person(root, "not_listed_at_all");
  root.write("train.csv", "id,gender,race,age,path\r\n000001,male,Asian,61,000001_female_Asian_45\r\n000002,female,Asian,59,anything\r\n");
  const auto table = table_of(read_competition(root.path()), root);
  EXPECT_EQ(table.size(), 14u) << "the table is the list: folders it leaves out are left out";
  EXPECT_EQ(table.at("images/000001_female_Asian_45/mask1.jpg").first, 2);
  EXPECT_EQ(table.at("images/anything/mask1.jpg").first, 4);
}

TEST(CompetitionLayout, SuffixedAndRepeatedIdsAreOnePerson) {
  const TemporaryFolder root;
  for (const char* folder : {"001498_female_Asian_23", "001498-1_female_Asian_23", "004432_male_Asian_43", "other"})
    write_person(root, folder);
  const auto by_name = [&] {
    std::map<std::string, std::string> people;
    for (const auto& [path, entry] : table_of(read_competition(root.path()), root))
      people[path.substr(7, path.find('/', 7) - 7)] = entry.second;
    return people;
  };
  root.write("train.csv",
             "id,gender,race,age,path\n001498-1,female,Asian,23,001498-1_female_Asian_23\n001498,female,Asian,23,001498_female_Asian_23\n"
             "004432,male,Asian,43,004432_male_Asian_43\n004432,male,Asian,43,other\n004432,male,Asian,43,other\n");
  auto people = by_name();
  EXPECT_EQ(people.at("001498-1_female_Asian_23"), "001498");
  EXPECT_EQ(people.at("001498_female_Asian_23"), "001498");
  EXPECT_EQ(people.at("other"), "004432");
  std::filesystem::remove(root / "train.csv");
  std::filesystem::remove_all(root / "images/other");
  people = by_name();
  EXPECT_EQ(people.at("001498-1_female_Asian_23"), "001498");
}

TEST(CompetitionLayout, DotFilesAndOtherFilesAreSkipped) {
  const TemporaryFolder root;
  write_person(root, "000001_female_Asian_45");
  for (const char* name : {"images/.DS_Store", "images/._000001_female_Asian_45", "images/.hidden/mask1.jpg", "images/readme.txt",
                           "images/000001_female_Asian_45/._mask1.jpg", "images/000001_female_Asian_45/Thumbs.db"})
    root.write(name, "x");
  EXPECT_EQ(read_competition(root.path()).photos.size(), 7u);
}

TEST(CompetitionLayout, MistakesAreNamed) {
  const TemporaryFolder root;
  const auto with_table = [&](const std::string& rows) {
    root.write("train.csv", "id,gender,race,age,path\n" + rows);
    return refusal([&] { read_competition(root.path()); });
  };
  EXPECT_EQ(refusal([&] { read_competition(root.path()); }), root.path() + ": has no folder 'images'");
  write_person(root, "a");
  EXPECT_EQ(with_table("003211,male,Asian,3O,a\n"), "train.csv:2: age '3O' is not a number (id 003211)");
  EXPECT_EQ(with_table("1,male,Asian,30,a\n003211,Mann,Asian,30,a\n"), "train.csv:3: gender 'Mann', expected male or female");
  EXPECT_EQ(with_table("1,male,Asian,-3,a\n"), "train.csv:2: age -3, expected 0 to 120");
  EXPECT_EQ(with_table(",male,Asian,30,a\n"), "train.csv:2: the id is empty");
  EXPECT_EQ(with_table("1,male,Asian,30,b\n"), "train.csv:2: no folder '" + (root / "images/b") + "' (id 1)");
  EXPECT_EQ(with_table("1,male,Asian,30,\n"), "train.csv:2: no folder '" + (root / "images/") + "' (id 1)");
  EXPECT_EQ(with_table("1,male,Asian,30,a\n2,male,Asian,30,a\n"), "train.csv:3: folder 'a' (id 2) is described differently at train.csv:2");
  EXPECT_EQ(with_table("1,male,Asian,30\n"), "train.csv:2: 4 fields, expected 5 (id,gender,race,age,path)");
  root.write("train.csv", "id,gender,race,path\n1,male,Asian,a\n");
  EXPECT_EQ(refusal([&] { read_competition(root.path()); }), "train.csv: has no column 'age' (columns: id, gender, race, path)");
  EXPECT_EQ(with_table(""), root.path() + ": holds no photos");
  std::filesystem::create_directory(root / "images/empty");
  EXPECT_EQ(with_table("1,male,Asian,30,empty\n"), "train.csv:2: folder '" + (root / "images/empty") + "' holds no photo (id 1)");
  root.write("images/a/mask6.jpg", "x");
  EXPECT_EQ(with_table("1,male,Asian,30,a\n"),
            (root / "images/a/mask6.jpg") + ": the name is none of mask1 to mask5, incorrect_mask, normal");
  std::filesystem::remove(root / "train.csv");
  EXPECT_EQ(refusal([&] { read_competition(root.path()); }), "images/a: the name is not of the form id_gender_race_age");
}

TEST(CompetitionLayout, TheFolderAboveIsSuggestedDown) {
  const TemporaryFolder root;
  root.write("train/images/x/y", "");
  EXPECT_EQ(refusal([&] { read_competition(root.path()); }),
            root.path() + ": has no folder 'images', but its subfolder 'train' has one: is that the root?");
}

TEST(FoldersLayout, ClassesAreSortedFoldersAndPeopleAreStemsOrSubfolders) {
  const TemporaryFolder root;
  for (const char* name : {"dog/b.jpg", "dog/A.PNG", "cat/b.jpg", "cat/anna/1.jpg", "cat/anna/deep/2.jpg", "dog/anna/1.jpg", "cat/.x.jpg",
                           "cat/notes.txt", ".git/x.jpg"})
    root.write(name, "x");
  const Dataset dataset = read_folders(root.path());
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"cat", "dog"}));
  const std::map<std::string, std::pair<int, std::string>> expected = {
      {"cat/b.jpg", {0, "b"}}, {"cat/anna/1.jpg", {0, "anna"}}, {"cat/anna/deep/2.jpg", {0, "anna"}},
      {"dog/b.jpg", {1, "b"}}, {"dog/A.PNG", {1, "A"}},         {"dog/anna/1.jpg", {1, "anna"}},
  };
  EXPECT_EQ(table_of(dataset, root), expected);
}

TEST(FoldersLayout, SaysWhetherPeopleAreKnown) {
  const TemporaryFolder root;
  root.write("cat/1.jpg", "x");
  root.write("dog/2.jpg", "x");
  EXPECT_FALSE(read_folders(root.path()).people_known);
  root.write("dog/1.jpg", "x");
  EXPECT_TRUE(read_folders(root.path()).people_known) << "a name in two classes";
  std::filesystem::remove(root / "dog/1.jpg");
  root.write("dog/anna/3.jpg", "x");
  EXPECT_TRUE(read_folders(root.path()).people_known) << "a folder of a person";
}

TEST(FoldersLayout, MistakesAreNamed) {
  const TemporaryFolder root;
  EXPECT_EQ(refusal([&] { read_folders(root.path()); }), root.path() + ": has no folders, expected one per class");
  root.write("cat/notes.txt", "x");
  EXPECT_EQ(refusal([&] { read_folders(root.path()); }), (root / "cat") + ": the class has no photos");
  EXPECT_EQ(refusal([&] { read_folders(root / "absent"); }), (root / "absent") + ": the folder cannot be read: No such file or directory");
}

class CsvLayout : public testing::Test {
 protected:
  CsvLayout() {
    for (const char* name : {"p/1.jpg", "p/2.jpg", "p/3.jpg"}) root_.write(name, "x");
  }
  Dataset read(const std::string& text, const std::vector<std::string>& classes = {}) {
    return read_csv(root_.write("list.csv", text), root_ / "p", classes);
  }
  std::string refused(const std::string& text, const std::vector<std::string>& classes = {}) {
    return refusal([&] { read(text, classes); });
  }
  TemporaryFolder root_;
};

TEST_F(CsvLayout, NamesAreSortedAndGroupsArePeople) {
  const Dataset dataset = read("group,label,path\nanna,dog,1.jpg\nbert,cat,2.jpg\n,dog,3.jpg\n");
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(dataset.photos.size(), 3u);
  EXPECT_EQ(dataset.photos[0].label, 1);
  EXPECT_EQ(dataset.photos[1].label, 0);
  EXPECT_EQ(dataset.photos[0].person, "anna");
  EXPECT_EQ(dataset.photos[2].person, dataset.photos[2].path);
  EXPECT_TRUE(dataset.people_known);
  EXPECT_FALSE(read("group,label,path\n,dog,1.jpg\n").people_known);
  EXPECT_FALSE(read("label,path\ndog,1.jpg\n").people_known);
}

TEST_F(CsvLayout, IndicesAndGivenClasses) {
  const Dataset indices = read("path,label\n1.jpg,2\n2.jpg,0\n3.jpg,1\n");
  EXPECT_EQ(indices.classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(indices.photos[0].label, 2);
  const Dataset given = read("path,label\n1.jpg,b\n2.jpg,0\n", {"c", "b"});
  EXPECT_EQ(given.classes, (std::vector<std::string>{"c", "b"}));
  EXPECT_EQ(given.photos[0].label, 1);
  EXPECT_EQ(given.photos[1].label, 0);
  EXPECT_EQ(read("path,label\n1.jpg,2\n2.jpg,0\n", {"a", "b", "c"}).photos[0].label, 2) << "who names classes may leave some empty";
}

TEST_F(CsvLayout, MistakesAreNamed) {
  EXPECT_EQ(refused("path,class\n1.jpg,a\n"), "list.csv: has no column 'label' (columns: path, class)");
  EXPECT_EQ(refused("path,label\n1.jpg,a\n9.jpg,a\n"), "list.csv:3: no file '" + (root_ / "p/9.jpg") + "'");
  EXPECT_EQ(refused("path,label\n1.jpg,z\n", {"a", "b"}), "list.csv:2: label 'z' is none of the 2 classes");
  EXPECT_EQ(refused("path,label\n1.jpg,2\n", {"a", "b"}), "list.csv:2: label 2 is out of range, expected 0 to 1");
  EXPECT_EQ(refused("path,label\n1.jpg,-1\n", {"a", "b"}), "list.csv:2: label -1 is out of range, expected 0 to 1");
  EXPECT_EQ(refused("path,label\n1.jpg,-1\n"), "list.csv:2: label -1 is out of range");
  EXPECT_EQ(refused("path,label\n1.jpg,2000000000\n"), "list.csv:2: label 2000000000 is out of range");
  EXPECT_EQ(
      refused("path,label\n1.jpg,5\n2.jpg,0\n3.jpg,2\n"),
      "list.csv: labels are numbers up to 5, but no photo has 1, 3, 4; number the classes without gaps, or name them in [data] classes");
  EXPECT_EQ(refused("path,label\n1.jpg,99\n2.jpg,0\n").substr(0, 80),
            "list.csv: labels are numbers up to 99, but no photo has 1, 2, 3, 4 and 94 more; ");
  EXPECT_EQ(refused("path,label\n1.jpg,a\n2.jpg,a\n../p/./1.jpg,b\n"), "list.csv:4: ../p/./1.jpg is listed in line 2 already");
  EXPECT_EQ(refused("path,label\n1.jpg,\n"), "list.csv:2: the label is empty (1.jpg)");
  EXPECT_EQ(refused("path,label\n,a\n"), "list.csv:2: the path is empty");
  EXPECT_EQ(refused("path,label\n"), "list.csv: lists no photos");
  EXPECT_EQ(refusal([&] { read_csv(root_ / "absent.csv", root_.path(), {}); }),
            (root_ / "absent.csv") + ": cannot be opened: No such file or directory");
  EXPECT_EQ(refusal([&] { read_csv(root_ / "p", root_.path(), {}); }), (root_ / "p") + ": is not a regular file");
}

TEST(InfoLayout, RowsKeepTheirOrder) {
  const TemporaryFolder root;
  for (const char* name : {"b.jpg", "a.jpg"}) root.write(std::string("images/") + name, "x");
  const std::string csv = root.write("info.csv", "ImageID,ans\nb.jpg,3\na.jpg,0\n");
  const Dataset unknown = read_info(csv, root / "images");
  ASSERT_EQ(unknown.photos.size(), 2u);
  EXPECT_EQ(unknown.photos[0].path, root / "images/b.jpg");
  EXPECT_EQ(unknown.photos[0].label, -1);
  const Dataset known = read_info(csv, root / "images", 18);
  EXPECT_EQ(known.photos[0].label, 3);
  EXPECT_EQ(known.photos[1].label, 0);
}

TEST(InfoLayout, MistakesAreNamed) {
  const TemporaryFolder root;
  root.write("a.jpg", "x");
  const auto refused = [&](const std::string& text) {
    const std::string csv = root.write("info.csv", text);
    return refusal([&] { read_info(csv, root.path(), 18); });
  };
  EXPECT_EQ(refused("ImageID,ans\na.jpg,18\n"), "info.csv:2: ans 18 is out of range, expected 0 to 17 (a.jpg)");
  EXPECT_EQ(refused("ImageID,ans\na.jpg,x\n"), "info.csv:2: ans 'x' is not a number (a.jpg)");
  EXPECT_EQ(refused("ImageID,ans\nb.jpg,1\n"), "info.csv:2: no file '" + (root / "b.jpg") + "'");
  EXPECT_EQ(refused("ImageID,ans\n,1\n"), "info.csv:2: the ImageID is empty");
  EXPECT_EQ(refused("ans\n1\n"), "info.csv: has no column 'ImageID' (columns: ans)");
}

}  // namespace
}  // namespace mcnn
