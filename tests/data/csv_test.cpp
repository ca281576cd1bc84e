// Tables as spreadsheets write them, and the error message for a broken one.
#include "data/csv.h"

#include <gtest/gtest.h>

#include "runtime/error.h"

namespace mcnn {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_csv(text, "t.csv");
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Csv, QuotesLineEndsAndByteOrderMark) {
  const Csv csv = parse_csv(
      "\xEF\xBB\xBF"
      "id,name\r\n1,\"a, \"\"b\"\"\"\r\n\r\n2,\"two\nlines\"\n3,",
      "t.csv");
  EXPECT_EQ(csv.header, (std::vector<std::string>{"id", "name"}));
  ASSERT_EQ(csv.rows.size(), 3u);
  EXPECT_EQ(csv.rows[0].fields, (std::vector<std::string>{"1", "a, \"b\""}));
  EXPECT_EQ(csv.rows[0].line, 2);
  EXPECT_EQ(csv.rows[1].fields, (std::vector<std::string>{"2", "two\nlines"}));
  EXPECT_EQ(csv.rows[1].line, 4);
  EXPECT_EQ(csv.rows[2].fields, (std::vector<std::string>{"3", ""}));
  EXPECT_EQ(csv.rows[2].line, 6) << "a line break inside quotes is a line of the file";
}

TEST(Csv, RefusesWithTheLine) {
  EXPECT_EQ(refusal(""), "t.csv: is empty, expected a header line");
  EXPECT_EQ(refusal("a,b\n1,2\n3\n"), "t.csv:3: 1 fields, expected 2 (a,b)");
  EXPECT_EQ(refusal("a,b\n1,\"2\n3,4\n"), "t.csv:2: a quote is opened and never closed");
  EXPECT_EQ(refusal("a,b\n1,\"2\"x\n"), "t.csv:2: text follows a closing quote");
  EXPECT_EQ(refusal("a,b,a\n"), "t.csv:1: column 'a' occurs twice");
}

TEST(Csv, ColumnsAndNumbers) {
  const Csv csv = parse_csv("id,age\n003211,3O\n7,-12\n8,99999999999999999999\n", "train.csv");
  const auto message = [&](auto what) -> std::string {
    try {
      what();
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message([&] { csv.column("gender"); }), "train.csv: has no column 'gender' (columns: id, age)");
  EXPECT_EQ(message([&] { csv_number(csv, csv.rows[0], "age", "id 003211"); }), "train.csv:2: age '3O' is not a number (id 003211)");
  EXPECT_EQ(csv_number(csv, csv.rows[1], "age", ""), -12);
  EXPECT_NE(message([&] { csv_number(csv, csv.rows[2], "age", "id 8"); }), "accepted");
}

}  // namespace
}  // namespace mcnn
