// What a run reports: lines on standard output, a line of JSON per epoch in log.jsonl, and the profile.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "inference/metrics.h"
#include "runtime/profiler.h"

namespace mcnn {

/// Prints a line on standard output.
void say(const std::string& line);

/// A finished epoch: a line of log.jsonl.
struct EpochRecord {
  int epoch = 0;      ///< from 1
  int64_t steps = 0;  ///< since the run began
  double loss = 0, learning_rate = 0, images_per_second = 0;
  std::optional<Confusion> held_out;  ///< nullopt: nobody was held out
  double seconds = 0;
  std::size_t arena_peak_bytes = 0, peak_resident_bytes = 0;
};

class Recorder {
 public:
  /// Records the run in `dir`. face_tasks: see score_line() in inference/metrics.h.
  Recorder(std::filesystem::path dir, bool face_tasks) : dir_(std::move(dir)), face_tasks_(face_tasks) {}

  /// Prints which photos were left out, each once.
  void left_out(const std::vector<std::string>& complaints);
  /// Prints the epoch's loss and scores.
  void tell(const EpochRecord& epoch) const;
  /// Appends the epoch to log.jsonl, with the number of photos that were left out. Throws Error if it cannot be written.
  void log(const EpochRecord& epoch) const;
  /// Removes from log.jsonl the lines of epochs after `epochs`, which will be repeated, and an incomplete last line.
  void cut(int epochs) const;
  /// Prints the time per operation and layer, and writes trace.json.
  void profile(const Profiler& profiler) const;

 private:
  std::filesystem::path dir_;
  bool face_tasks_;
  std::set<std::string> left_out_;
};

}  // namespace mcnn
