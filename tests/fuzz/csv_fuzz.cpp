// Arbitrary tables: parse_csv returns or throws Error; every row is as long as the header, and writing the table with csv_field and parsing
// it gives the same table.  Next: data/csv.cpp.
#include "data/csv.h"

#include <cstdint>
#include <cstdlib>

#include "runtime/error.h"

namespace {

std::string line_of(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) line += (&field == &fields[0] ? "" : ",") + mcnn::csv_field(field);
  return line + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  mcnn::Csv csv;
  try {
    csv = mcnn::parse_csv({reinterpret_cast<const char*>(data), size}, "t.csv");
  } catch (const mcnn::Error&) {
    return 0;
  }
  std::string written = "\xEF\xBB\xBF" + line_of(csv.header);  // with the mark, as the first title may begin with its bytes
  for (const mcnn::CsvRow& row : csv.rows) {
    if (row.fields.size() != csv.header.size()) std::abort();
    written += line_of(row.fields);
    try {
      mcnn::csv_number(csv, row, csv.header[0], "fuzz");
    } catch (const mcnn::Error&) {
    }
  }
  const mcnn::Csv again = mcnn::parse_csv(written, "t.csv");  // an Error here is a finding
  if (again.header != csv.header || again.rows.size() != csv.rows.size()) std::abort();
  for (std::size_t i = 0; i < csv.rows.size(); ++i)
    if (again.rows[i].fields != csv.rows[i].fields) std::abort();
  return 0;
}
