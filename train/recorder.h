// What a run says of itself: lines on standard output, a line of JSON per epoch in log.jsonl, and where the time went.
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

/// A line on standard output.
void say(const std::string& line);

/// An epoch that is finished, as log.jsonl has it.
struct EpochRecord {
  int epoch = 0;      ///< from 1
  int64_t steps = 0;  ///< since the run began
  double loss = 0, learning_rate = 0, images_per_second = 0;
  std::optional<Confusion> held_out;  ///< none: nobody was held out
  double seconds = 0;
  std::size_t arena_peak_bytes = 0, peak_resident_bytes = 0;
};

class Recorder {
 public:
  /// Of the run in `dir`. face_tasks: score_line() of inference/metrics.h.
  Recorder(std::filesystem::path dir, bool face_tasks) : dir_(std::move(dir)), face_tasks_(face_tasks) {}

  /// Says which photos were left out, each once.
  void left_out(const std::vector<std::string>& complaints);
  /// Says how an epoch went.
  void tell(const EpochRecord& epoch) const;
  /// Adds it to log.jsonl, with the number of photos that were left out. Throws Error if it cannot be written.
  void log(const EpochRecord& epoch) const;
  /// Removes from log.jsonl the lines of epochs after `epochs`, which will be done anew, and one that was cut.
  void cut(int epochs) const;
  /// Says the time per operation and layer, and writes trace.json.
  void profile(const Profiler& profiler) const;

 private:
  std::filesystem::path dir_;
  bool face_tasks_;
  std::set<std::string> left_out_;
};

}  // namespace mcnn
