// Writes answers as text, as JSON lines, or as a probability table. A table that is continued is read row by row, together with the list
// of photos, before new rows are added.  Contract: answers.h.
// Next: apps/mcnn-infer.cpp uses it.
#include "inference/answers.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "data/csv.h"
#include "inference/evaluate.h"
#include "runtime/error.h"
#include "runtime/number.h"

namespace mcnn {
namespace {

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Seven digits: the precision of an fp32 logit.
std::string number(double probability) { return fmt::format("{:.7g}", probability); }

std::size_t likeliest(const std::vector<double>& probabilities) {
  return static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin());
}

void write(std::FILE* out, const std::string& text, const std::string& name) {
  errno = 0;
  std::fwrite(text.data(), 1, text.size(), out);
  if (std::ferror(out)) fail("{}: cannot be written: {}", name, std::strerror(errno));
}

void flush_stream(std::FILE* out, const std::string& name) {
  errno = 0;
  if (std::fflush(out) != 0 || std::ferror(out)) fail("{}: cannot be written: {}", name, std::strerror(errno));
}

class Printed : public Answers {
 public:
  Printed(std::vector<std::string> classes, std::FILE* out) : classes_(std::move(classes)), out_(out) {}
  void flush() override { flush_stream(out_, "the output"); }

 protected:
  void print(const std::string& line) { write(out_, fmt::format("{}\n", line), "the output"); }
  std::vector<std::string> classes_;

 private:
  std::FILE* out_;
};

class Text final : public Printed {
 public:
  using Printed::Printed;
  void add(const std::string& photo, const float* logits) override {
    const std::vector<double> p = softmax(logits, classes_.size());
    std::vector<std::size_t> order(classes_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return logits[x] > logits[y]; });
    std::string line = photo + ":";
    for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
      line += fmt::format("{} {} {:.3f}", i ? "," : "", classes_[order[i]], p[order[i]]);
    print(line);
  }
  void add_broken(const std::string&, const std::string&) override {}
};

class Json final : public Printed {
 public:
  using Printed::Printed;
  void add(const std::string& photo, const float* logits) override {
    const std::vector<double> p = softmax(logits, classes_.size());
    std::string row =
        fmt::format(R"({{"photo": {}, "class": {}, "probabilities": {{)", json_text(photo), json_text(classes_[likeliest(p)]));
    for (std::size_t k = 0; k < p.size(); ++k) row += fmt::format("{}{}: {}", k ? ", " : "", json_text(classes_[k]), number(p[k]));
    print(row + "}}");
  }
  void add_broken(const std::string& photo, const std::string& why) override {
    print(fmt::format(R"({{"photo": {}, "error": {}}})", json_text(photo), json_text(why)));
  }
};

std::string header_of(const std::vector<std::string>& classes) {
  std::string header = "photo,answer";
  for (const std::string& name : classes) header += fmt::format(",{}", csv_field(name));
  header += '\n';
  return header;
}

}  // namespace

std::unique_ptr<Answers> text_answers(std::vector<std::string> classes, std::FILE* out) {
  return std::make_unique<Text>(std::move(classes), out);
}
std::unique_ptr<Answers> json_answers(std::vector<std::string> classes, std::FILE* out) {
  return std::make_unique<Json>(std::move(classes), out);
}

ProbabilityTable::ProbabilityTable(std::string path, std::vector<std::string> classes, bool resume)
    : path_(std::move(path)), classes_(std::move(classes)) {
  errno = 0;
  out_.reset(std::fopen(path_.c_str(), "ab"));
  if (!out_) fail("{}: cannot be written: {}", path_, std::strerror(errno));
  if (::flock(::fileno(out_.get()), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) fail("{}: another program is writing it", path_);
  std::error_code error;
  const bool has_rows = std::filesystem::is_regular_file(path_, error) && std::filesystem::file_size(path_, error) > 0;
  if (!has_rows) {
    begin_writing();
    return;
  }
  if (!resume) fail("{}: exists already; --resume continues it", path_);
  done_.open(path_, std::ios::binary);
  if (!done_) fail("{}: cannot be read: {}", path_, std::strerror(errno));
  const std::string expected = header_of(classes_);
  std::string begin(expected.size(), '\0');
  done_.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(done_.gcount()));
  if (!expected.starts_with(begin))
    fail("{}: is no table of probabilities over this network's classes; it begins with '{}', expected '{}'", path_,
         begin.substr(0, begin.find_first_of("\r\n")), expected.substr(0, expected.size() - 1));
  if (begin == expected)
    bytes_ = static_cast<int64_t>(begin.size());
  else  // the file ends within its first line
    begin_writing();
}

/// Reads a row with its line break; false at the end of the file, or if the row is incomplete.
bool ProbabilityTable::read_row(std::string& row) {
  row.clear();
  bool quoted = false;
  for (std::string line; std::getline(done_, line);) {
    if (done_.eof()) return false;  // no line break: it was cut off
    row += line + "\n";
    if (std::count(line.begin(), line.end(), '"') % 2 != 0) quoted = !quoted;
    if (quoted) continue;
    bytes_ += static_cast<int64_t>(row.size());
    return true;
  }
  return false;
}

bool ProbabilityTable::has(const std::string& photo) {
  if (!done_.is_open()) return false;
  std::string row;
  if (!read_row(row)) {
    begin_writing();
    return false;
  }
  ++rows_;
  last_ = parse_csv(header_of(classes_) + row, path_).rows.at(0).fields;
  const std::string expected = csv_field(photo) + ",";
  if (!row.starts_with(expected))
    fail("{}: row {} is {}, but photo {} of the list is '{}': the list has changed", path_, rows_, row.substr(0, row.find_first_of(",\n")),
         rows_, photo);
  return true;
}

void ProbabilityTable::finish() {
  if (!done_.is_open()) return;
  std::string row;
  if (read_row(row)) fail("{}: has more than the {} photos of the list: the list has changed", path_, rows_);
  begin_writing();
}

void ProbabilityTable::begin_writing() {
  if (done_.is_open()) {
    done_.close();
    std::filesystem::resize_file(path_, static_cast<uintmax_t>(bytes_));
  }
  if (bytes_ == 0) {
    write(out_.get(), header_of(classes_), path_);
    flush();
  }
}

void ProbabilityTable::require_same(const float* logits) const {
  constexpr double kSame = 0.01;  // tolerance: another device rounds differently
  const std::vector<double> p = softmax(logits, classes_.size());
  for (std::size_t k = 0; k < p.size(); ++k)
    if (const auto had = number_in<double>(last_[2 + k]); !had || std::abs(*had - p[k]) > kSame)
      fail("{}: has {} for '{}' of {}, but it is {} now: the table was made by another network, or with other settings", path_,
           last_[2 + k], classes_[k], last_[0], number(p[k]));
}

void ProbabilityTable::add(const std::string& photo, const float* logits) {
  const std::vector<double> p = softmax(logits, classes_.size());
  std::string row = fmt::format("{},{}", csv_field(photo), csv_field(classes_[likeliest(p)]));
  for (const double probability : p) row += fmt::format(",{}", number(probability));
  write(out_.get(), row + '\n', path_);
}

void ProbabilityTable::add_broken(const std::string& photo, const std::string&) {
  write(out_.get(), fmt::format("{}{:,>{}}\n", csv_field(photo), "", 1 + classes_.size()), path_);
}

void ProbabilityTable::flush() {
  if (out_) flush_stream(out_.get(), path_);
}

}  // namespace mcnn
