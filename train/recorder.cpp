#include "train/recorder.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/atomic_file.h"
#include "runtime/error.h"

namespace mcnn {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);  // so that the line precedes later progress on standard error, also in a file
}

void Recorder::left_out(const std::vector<std::string>& complaints) {
  for (const std::string& complaint : complaints)
    if (left_out_.insert(complaint).second) say("left out: " + complaint);
}

void Recorder::tell(const EpochRecord& epoch) const {
  const std::string score = epoch.held_out ? "  held out: " + score_line(*epoch.held_out, face_tasks_) : "";
  say(fmt::format("epoch {}: loss {:.4f}{}", epoch.epoch, epoch.loss, score));
}

void Recorder::log(const EpochRecord& epoch) const {
  nlohmann::json row{{"epoch", epoch.epoch},
                     {"steps", epoch.steps},
                     {"loss", epoch.loss},
                     {"learning_rate", epoch.learning_rate},
                     {"images_per_second", epoch.images_per_second},
                     {"seconds", epoch.seconds},
                     {"arena_peak_bytes", epoch.arena_peak_bytes},
                     {"peak_resident_bytes", epoch.peak_resident_bytes}};
  if (epoch.held_out) {
    row["macro_f1"] = epoch.held_out->macro_f1();
    row["accuracy"] = epoch.held_out->accuracy();
  }
  if (!left_out_.empty()) row["broken_photos"] = left_out_.size();
  const std::string path = (dir_ / "log.jsonl").string(), text = row.dump() + "\n";
  std::FILE* file = std::fopen(path.c_str(), "a");
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (!file || std::fclose(file) != 0 || !written) fail("{}: cannot be written", path);
}

void Recorder::cut(int epochs) const {
  const std::string path = (dir_ / "log.jsonl").string();
  std::ifstream file(path);
  std::string kept, whole;
  for (std::string line; std::getline(file, line);) {
    whole += line + "\n";
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (row.is_object() && row.value("epoch", 0) > 0 && row.value("epoch", 0) <= epochs) kept += line + "\n";
  }
  if (kept != whole) write_file_atomically(path, kept);
}

void Recorder::profile(const Profiler& profiler) const {
  say(profiler.tables());
  profiler.write_chrome_trace((dir_ / "trace.json").string());
}

}  // namespace mcnn
