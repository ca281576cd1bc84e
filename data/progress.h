// A progress line for a pass over photos: redrawn in place on a terminal, else printed from time to time.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace mcnn {

class Progress {
 public:
  /// For `total` steps; the line begins with `title` and goes to `out`.
  Progress(std::string title, int64_t total, std::FILE* out = stderr);
  ~Progress();

  /// Call it after each step, with its number of photos and a text to show: "loss 1.234".
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
