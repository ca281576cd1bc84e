// Writes a network's answers, photo by photo in the order of the list: as text, as JSON, or as a table that an interrupted run can
// continue.
#pragma once
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace mcnn {

class Answers {
 public:
  virtual ~Answers() = default;
  /// `logits`: one for each class.
  virtual void add(const std::string& photo, const float* logits) = 0;
  /// The photo could not be read.
  virtual void add_broken(const std::string& photo, const std::string& why) = 0;
  /// Passes all answers so far on to the output. Throws Error if it cannot be written.
  virtual void flush() = 0;
};

/// "photo.jpg: wear/female/30-59 0.91, wear/female/<30 0.05, ...": the three most likely classes. Nothing for a broken photo.
std::unique_ptr<Answers> text_answers(std::vector<std::string> classes, std::FILE* out);
/// One JSON object per line: {"photo": ..., "class": ..., "probabilities": {class: ...}} or {"photo": ..., "error": ...}. Bytes of a name
/// that are not UTF-8 become U+FFFD.
std::unique_ptr<Answers> json_answers(std::vector<std::string> classes, std::FILE* out);

/// A CSV with the columns photo, answer, and one for the probability of each class. For a broken photo only the name is written.
class ProbabilityTable final : public Answers {
 public:
  /// Throws Error if the file exists and is not empty, unless `resume`: then its rows must be answers to the first photos of the list, and
  /// an incomplete last row is replaced. Throws Error if it is no such table, has other classes, or another program is writing it.
  ProbabilityTable(std::string path, std::vector<std::string> classes, bool resume);

  /// Whether the table already has a row for the next photo of the list. Call it once for each photo, in order. Throws Error if the row
  /// is another photo's.
  bool has(const std::string& photo);
  /// Whether the row that has() found last contains an answer.
  bool had_answer() const { return !last_.empty() && !last_[1].empty(); }
  /// Throws Error unless `logits` give the probabilities of that row: else the table is another network's, or made with other settings.
  void require_same(const float* logits) const;

  void add(const std::string& photo, const float* logits) override;
  void add_broken(const std::string& photo, const std::string& why) override;
  void flush() override;
  /// Call it after the last photo. Throws Error if the table has more rows than the list; removes an incomplete last row.
  void finish();

 private:
  bool read_row(std::string& row);
  void begin_writing();

  std::string path_;
  std::vector<std::string> classes_;
  std::ifstream done_;             // open while rows of an earlier run are read
  std::vector<std::string> last_;  // the fields of the row read last
  int64_t rows_ = 0, bytes_ = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_{nullptr, std::fclose};
};

}  // namespace mcnn
