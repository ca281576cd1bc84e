// Events are kept as they happen; tables and trace are computed when asked for.
#include "runtime/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "runtime/error.h"

namespace mcnn {
namespace {

struct Row {
  std::string name;
  double seconds = 0;
  int64_t calls = 0;
};

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

std::string table(const char* title, std::vector<Row> rows, double total) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  double inside = 0;
  for (const Row& row : rows) inside += row.seconds;
  rows.push_back({"between operations", total - inside, 0});
  rows.push_back({"sum", total, 0});
  std::string text = fmt::format("{:<32} {:>8} {:>12} {:>7}\n", title, "calls", "time (ms)", "share");
  for (const Row& row : rows)
    text += fmt::format("{:<32} {:>8} {:>12.3f} {:>6.1f}%\n", row.name, row.calls ? std::to_string(row.calls) : "", row.seconds * 1e3,
                        total > 0 ? 100 * row.seconds / total : 0.0);
  return text;
}

}  // namespace

uint32_t Profiler::intern(const std::string& name) {
  const auto [entry, fresh] = numbers_.emplace(name, static_cast<uint32_t>(names_.size()));
  if (fresh) names_.push_back(name);
  return entry->second;
}

Profiler::Span Profiler::begin(Kind kind, const std::string& name) {
  ++open_;
  const uint32_t number = intern(name);
  if (kind == Kind::layer) layers_.push_back(number);
  events_.push_back({kind, number, layers_.empty() ? 0 : layers_.back(), Clock::now(), {}});
  return Span(this, events_.size() - 1);
}

void Profiler::end(std::size_t event) {
  Event& ended = events_[event];
  ended.end = Clock::now();
  if (ended.kind == Kind::layer) layers_.pop_back();
  --open_;
}

void Profiler::clear() {
  if (open_ > 0) fail("profiler: cleared inside a span");
  events_.clear();
}

const std::string& Profiler::current_layer() const { return names_[layers_.empty() ? 0 : layers_.back()]; }

std::string Profiler::tables() const {
  std::map<uint32_t, Row> operations, layers;
  double in_steps = 0, outside = 0;
  Clock::time_point end_of_step{};
  int64_t steps = 0;
  for (const Event& event : events_) {
    const double time = seconds(event.end - event.begin);
    if (event.kind == Kind::step) {
      in_steps += time;
      end_of_step = event.end;
      ++steps;
    }
    if (event.kind != Kind::operation) continue;
    if (event.begin >= end_of_step) outside += time;
    for (auto& [number, rows] : {std::pair(event.name, &operations), std::pair(event.layer, &layers)}) {
      Row& row = (*rows)[number];
      row.name = number == 0 ? "outside layers" : names_[number];
      row.seconds += time;
      ++row.calls;
    }
  }
  const double total = in_steps + outside;
  const auto values = [](const std::map<uint32_t, Row>& rows) {
    std::vector<Row> list;
    list.reserve(rows.size());
    for (const auto& entry : rows) list.push_back(entry.second);
    return list;
  };
  return fmt::format("{} step{}, {:.3f} ms each\n\n", steps, steps == 1 ? "" : "s",
                     steps ? 1e3 * in_steps / static_cast<double>(steps) : 0.0) +
         table("operation", values(operations), total) + "\n" + table("layer", values(layers), total);
}

void Profiler::write_chrome_trace(const std::string& path) const {
  std::ofstream file(path);
  const char* const categories[] = {"step", "layer", "operation"};
  file << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const Event& e = events_[i];
    // Names come from the program (operations, timm's layer names): nothing in them needs escaping.
    file << fmt::format(
        "{}\n{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":{:.3f},\"dur\":{:.3f},\"args\":{{\"layer\":\"{}\"}}}"
        "}",
        i ? "," : "", names_[e.name], categories[static_cast<int>(e.kind)], seconds(e.begin - events_[0].begin) * 1e6,
        seconds(e.end - e.begin) * 1e6, names_[e.layer]);
  }
  file << "\n]}\n";
  file.close();
  if (!file) fail("{}: cannot write the trace", path);
}

}  // namespace mcnn
