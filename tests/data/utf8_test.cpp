// Valid and invalid UTF-8, and tables and folders with invalid names.
#include "data/utf8.h"

#include <gtest/gtest.h>

#include "data/csv.h"
#include "data/layouts.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"

namespace mcnn {
namespace {

TEST(Utf8, ItsFormsAndNoOthers) {
  for (const std::string good : {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\xB7", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(utf8_length(good), good.size()) << good;
  for (const std::string bad :
       {"\xE9", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xF0\x9F\x98"})
    EXPECT_EQ(utf8_length("ab" + bad), 2u) << bad;
}

TEST(Utf8, TablesOfSpreadsheetsAreRefusedWithTheirLine) {
  EXPECT_TRUE(says(message_of([] { parse_csv("path,label\na.jpg,caf\xE9\n", "t.csv"); }), {"t.csv:2", "not UTF-8", "0xe9"}));
  EXPECT_TRUE(says(message_of([] { parse_csv(std::string("\xFF\xFEp\0a\0", 6), "t.csv"); }), {"t.csv:1", "UTF-16"}));
  EXPECT_EQ(parse_csv("path,label\na.jpg,caf\xC3\xA9\n", "t.csv").rows.size(), 1u);
}

TEST(Utf8, AClassFolderIsRefusedByItsName) {
  TemporaryFolder here;
  here.write("good/a.jpg", "x");
  here.write("caf\xE9/a.jpg", "x");
  EXPECT_TRUE(says(message_of([&] { read_folders(here.path()); }), {"caf\\xe9", "not UTF-8"}));
}

TEST(Layouts, WhatIsLeftOutIsCounted) {
  TemporaryFolder here;
  for (const char* name :
       {"a/p/1.jpg", "a/p/2.JFIF", "a/p/3.jpe", "a/p/4.jxl", "a/p/5.tif", "a/p/6.jxl", "a/p/README", "a/p/.hidden", "b/p2/1.png"})
    here.write(name, name);
  namespace fs = std::filesystem;
  fs::create_symlink("nowhere.jpg", here / "a/p/dangling.jpg");
  fs::create_directory_symlink("..", here / "a/p/up");
  fs::create_directory_symlink("../..", here / "b/p2/top");
  const Dataset dataset = read_folders(here.path());
  EXPECT_EQ(dataset.photos.size(), 4u);
  const Skipped expected = {{"dangling links", 1},
                            {"files called .tif", 1},
                            {"files called .jxl", 2},
                            {"files without an extension", 1},
                            {"links to folders that were read already", 2}};
  EXPECT_EQ(dataset.skipped, expected);
}

}  // namespace
}  // namespace mcnn
