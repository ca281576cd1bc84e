// What a network answers, photo by photo in the order asked for: as text, as JSON, as a table that a cut-off run goes on with.
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
  /// What was added is with whoever reads it. Throws Error if it cannot be.
  virtual void flush() = 0;
};

/// "photo.jpg: wear/female/30-59 0.91, wear/female/<30 0.05, ...": the three most likely classes. Nothing for a broken photo.
std::unique_ptr<Answers> text_answers(std::vector<std::string> classes, std::FILE* out);
/// An object a line: {"photo": ..., "class": ..., "probabilities": {class: ...}} or {"photo": ..., "error": ...}. Bytes of a name that
/// are not UTF-8 become U+FFFD.
std::unique_ptr<Answers> json_answers(std::vector<std::string> classes, std::FILE* out);

/// CSV: photo, answer, and a probability for each class, all under its name; of a broken photo the name alone. Rows are written as they
/// come.
class ProbabilityTable final : public Answers {
 public:
  /// Throws Error if the file is there and not empty, unless `resume`: then its rows are taken as answers to the first photos, and a row
  /// that was cut off is written again. Throws Error if it is no such table, one over other classes, or one that is being written.
  ProbabilityTable(std::string path, std::vector<std::string> classes, bool resume);

  /// Whether the table has the next photo already; to be asked before each. Throws Error if it has another one in its place.
  bool has(const std::string& photo);
  /// Whether the row that has() found last has an answer, and throws Error unless `logits` give the same: another network's, or the same
  /// with other settings, are not.
  bool had_answer() const { return !last_.empty() && !last_[1].empty(); }
  void require_same(const float* logits) const;

  void add(const std::string& photo, const float* logits) override;
  void add_broken(const std::string& photo, const std::string& why) override;
  void flush() override;
  /// After the last photo. Throws Error if an earlier run's rows are left; a row that was cut off goes.
  void finish();

 private:
  bool read_row(std::string& row);
  void begin_writing();

  std::string path_;
  std::vector<std::string> classes_;
  std::ifstream done_;             // while there are rows of an earlier run
  std::vector<std::string> last_;  // of these, the fields of the latest
  int64_t rows_ = 0, bytes_ = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_{nullptr, std::fclose};
};

}  // namespace mcnn
