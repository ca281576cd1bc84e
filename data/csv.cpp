// Parses the text in one pass, field by field. A line number counts lines of the file, also those inside quotes.  Contract: csv.h.
#include "data/csv.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "data/file_bytes.h"
#include "data/utf8.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  }

  bool at_end() const { return at_ == text_.size(); }

  CsvRow row() {
    CsvRow row{line_, {}};
    do row.fields.push_back(field());
    while (take(','));
    if (!at_end() && !end_of_line()) fail("{}:{}: text follows a closing quote", name_, line_);
    return row;
  }

 private:
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool end_of_line() {
    const bool carriage_return = take('\r');
    const bool newline = take('\n');
    line_ += carriage_return || newline;
    return carriage_return || newline;
  }

  std::string field() {
    if (take('"')) return quoted();
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    const std::string_view bare = text_.substr(at_, end - at_);
    at_ = end;
    return std::string(bare);
  }

  std::string quoted() {
    const int64_t opened = line_;
    std::string out;
    while (true) {
      if (at_end()) fail("{}:{}: a quote is opened and never closed", name_, opened);
      const char c = text_[at_++];
      if (c == '"' && !take('"')) return out;  // a doubled quote is a quote
      line_ += c == '\n';
      out += c;
    }
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

bool Csv::has_column(std::string_view title) const { return std::find(header.begin(), header.end(), title) != header.end(); }

std::size_t Csv::column(std::string_view title) const {
  const auto it = std::find(header.begin(), header.end(), title);
  if (it == header.end()) fail("{}: has no column '{}' (columns: {})", name, title, fmt::join(header, ", "));
  return static_cast<std::size_t>(it - header.begin());
}

Csv parse_csv(std::string_view text, const std::string& name) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) fail("{}:1: is UTF-16; save the table as UTF-8", name);
  if (const std::size_t good = utf8_length(text); good < text.size())
    fail("{}:{}: is not UTF-8 (byte 0x{:02x}); save the table as UTF-8", name,
         1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(good), '\n'), static_cast<unsigned char>(text[good]));
  Csv csv{name, {}, {}};
  Parser parser(text, csv.name);
  while (!parser.at_end()) {
    CsvRow row = parser.row();
    if (row.fields.size() == 1 && row.fields[0].empty()) continue;
    if (csv.header.empty()) {
      for (std::size_t i = 0; i < row.fields.size(); ++i)
        if (std::find(row.fields.begin(), row.fields.begin() + static_cast<std::ptrdiff_t>(i), row.fields[i]) !=
            row.fields.begin() + static_cast<std::ptrdiff_t>(i))
          fail("{}:{}: column '{}' occurs twice", name, row.line, row.fields[i]);
      csv.header = std::move(row.fields);
      continue;
    }
    if (row.fields.size() != csv.header.size())
      fail("{}:{}: {} fields, expected {} ({})", name, row.line, row.fields.size(), csv.header.size(), fmt::join(csv.header, ","));
    csv.rows.push_back(std::move(row));
  }
  if (csv.header.empty()) fail("{}: is empty, expected a header line", name);
  return csv;
}

Csv read_csv_table(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, std::filesystem::path(path).filename().string());
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

int64_t csv_number(const Csv& csv, const CsvRow& row, std::string_view title, const std::string& about) {
  const std::string& field = row.fields[csv.column(title)];
  int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size())
    fail("{}:{}: {} '{}' is not a number ({})", csv.name, row.line, title, field, about);
  return value;
}

}  // namespace mcnn
