// Reads and writes comma-separated tables with a header line, as spreadsheets write them: quoted fields, CRLF, a byte order mark.
// Source: RFC 4180.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace mcnn {

struct CsvRow {
  int64_t line = 0;  ///< in the file, from 1
  std::vector<std::string> fields;
};

struct Csv {
  std::string name;  ///< for messages: "train.csv"
  std::vector<std::string> header;
  std::vector<CsvRow> rows;  ///< each as long as the header

  /// Throws Error "train.csv: has no column 'age' (columns: id, gender)".
  std::size_t column(std::string_view title) const;
  bool has_column(std::string_view title) const;
};

/// Empty lines are skipped. Throws Error "train.csv:412: what" for an open quote or a row of another length than the header.
Csv read_csv_table(const std::string& path);
Csv parse_csv(std::string_view text, const std::string& name);

/// `text` as a field of a row, in quotes if needed.
std::string csv_field(const std::string& text);

/// The field as a whole number. Throws Error "train.csv:412: age '3O' is not a number (id 003211)"; the text in brackets is `about`.
int64_t csv_number(const Csv& csv, const CsvRow& row, std::string_view title, const std::string& about);

}  // namespace mcnn
