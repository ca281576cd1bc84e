// The line that says how a pass over photos is doing: on a terminal it is redrawn in place, elsewhere a line appears now and then.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace mcnn {

class Progress {
 public:
  /// `total` steps, written to `out` under `title`.
  Progress(std::string title, int64_t total, std::FILE* out = stderr);
  ~Progress();

  /// After each step, with the photos it saw and what else to show: "loss 1.234".
  void step(int64_t photos, const std::string& note);
  double photos_per_second() const;

 private:
  void draw();

  using Clock = std::chrono::steady_clock;
  std::string title_, note_;
  int64_t total_, done_ = 0, photos_ = 0;
  std::FILE* out_;
  bool terminal_;
  Clock::time_point start_ = Clock::now(), drawn_{};
};

}  // namespace mcnn
