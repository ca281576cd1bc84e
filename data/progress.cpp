#include "data/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "runtime/resident.h"

namespace mcnn {
namespace {

std::string clock_time(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) : fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

Progress::Progress(std::string title, int64_t total, std::FILE* out)
    : title_(std::move(title)), total_(total), out_(out), terminal_(isatty(fileno(out)) != 0) {}

Progress::~Progress() {
  if (done_ == 0) return;
  if (std::uncaught_exceptions() == 0) draw();  // not during an exception: its message comes next
  if (terminal_) std::fputc('\n', out_);
}

double Progress::photos_per_second() const {
  const std::chrono::duration<double> elapsed = Clock::now() - start_;
  return static_cast<double>(photos_) / std::max(elapsed.count(), 1e-9);
}

void Progress::step(int64_t photos, const std::string& note) {
  ++done_;
  photos_ += photos;
  note_ = note;
  // Often on a terminal, rarely in a log file.
  const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(30000);
  if (done_ < total_ && Clock::now() - drawn_ >= pause) draw();
}

void Progress::draw() {
  drawn_ = Clock::now();
  constexpr int kWidth = 20;
  const auto filled = static_cast<std::size_t>(kWidth * done_ / std::max<int64_t>(total_, 1));
  const std::chrono::duration<double> elapsed = Clock::now() - start_;
  const double left = elapsed.count() / static_cast<double>(std::max<int64_t>(done_, 1)) * static_cast<double>(total_ - done_);
  const std::string line = fmt::format("{} [{}{}] {}/{}  {:.1f} img/s  {}  ETA {}  {:.2f} GB", title_, std::string(filled, '#'),
                                       std::string(kWidth - filled, '.'), done_, total_, photos_per_second(), note_, clock_time(left),
                                       static_cast<double>(resident_bytes()) / 1e9);
  // Not fmt::print, which throws: a closed stream must not end the work.
  std::fputs(fmt::format("{}{}{}", terminal_ ? "\r\x1b[K" : "", line, terminal_ ? "" : "\n").c_str(), out_);
  std::fflush(out_);
}

}  // namespace mcnn
