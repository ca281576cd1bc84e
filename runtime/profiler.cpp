// Stores one event per span; tables() and write_chrome_trace() compute from the events.  Contract: profiler.h.
#include "runtime/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "runtime/error.h"

namespace mcnn {
namespace {

struct Line {
  std::string name;
  double seconds = 0;
  int64_t calls = 0, bytes = 0;
};

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

std::string table(const char* title, std::vector<Line> lines, double total) {
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.seconds > b.seconds; });
  double inside = 0;
  for (const Line& line : lines) inside += line.seconds;
  lines.push_back({"between operations", total - inside});
  lines.push_back({"sum", total});
  const std::size_t longest =
      std::max_element(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.name.size() < b.name.size(); })->name.size();
  const std::size_t width = std::clamp<std::size_t>(longest, 32, 100);
  std::string text = fmt::format("{:<{}} {:>8} {:>12} {:>7} {:>8}\n", title, width, "calls", "time (ms)", "share", "GB/s");
  for (const Line& line : lines)
    text +=
        fmt::format("{:<{}} {:>8} {:>12.3f} {:>6.1f}% {:>8}\n", line.name, width, line.calls ? std::to_string(line.calls) : "",
                    line.seconds * 1e3, total > 0 ? 100 * line.seconds / total : 0.0,
                    line.bytes > 0 && line.seconds > 0 ? fmt::format("{:.1f}", static_cast<double>(line.bytes) / line.seconds / 1e9) : "");
  return text;
}

}  // namespace

uint32_t Profiler::intern(const std::string& name) {
  const auto [entry, fresh] = numbers_.emplace(name, static_cast<uint32_t>(names_.size()));
  if (fresh) names_.push_back(name);
  return entry->second;
}

Profiler::Span Profiler::begin(Kind kind, const std::string& name, int64_t bytes) {
  ++open_;
  const uint32_t number = intern(name);
  if (kind == Kind::layer) layers_.push_back(number);
  events_.push_back({kind, number, layers_.empty() ? 0 : layers_.back(), 0, Clock::now(), {}, bytes});
  return Span(this, events_.size() - 1);
}

void Profiler::add(Clock::time_point begin, const std::vector<Operation>& operations, const std::vector<KernelTime>& kernels) {
  // An operation takes the sum of its kernels' times; one without kernels was computed by another operation's.
  std::vector<std::size_t> events;
  for (const Operation& operation : operations) {
    events.push_back(events_.size());
    events_.push_back({Kind::operation, intern(operation.name), intern(operation.layer), 0, begin, begin, operation.bytes});
  }
  std::vector<bool> seen(operations.size());
  for (const KernelTime& kernel : kernels) {
    const auto time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(kernel.seconds));
    const auto number = static_cast<std::size_t>(kernel.operation);
    Event& operation = events_[events[number]];
    if (!seen[number]) operation.begin = operation.end = begin;
    operation.end += time;
    const Event event{
        Kind::kernel, intern(kernel.kernel), operation.layer, operation.name, begin, begin + time, seen[number] ? 0 : operation.bytes};
    seen[number] = true;
    begin += time;
    events_.push_back(event);
  }
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

std::vector<Profiler::Row> Profiler::rows() const {
  const bool kernels = std::any_of(events_.begin(), events_.end(), [](const Event& event) { return event.kind == Kind::kernel; });
  std::map<std::array<uint32_t, 3>, Row> rows;
  for (const Event& event : events_) {
    if (event.kind != (kernels ? Kind::kernel : Kind::operation)) continue;
    const uint32_t operation = kernels ? event.operation : event.name, kernel = kernels ? event.name : 0;
    Row& row = rows[{operation, event.layer, kernel}];
    row.operation = names_[operation], row.layer = names_[event.layer], row.kernel = names_[kernel];
    row.seconds += seconds(event.end - event.begin);
    row.bytes += event.bytes;
    ++row.calls;
  }
  std::vector<Row> list;
  for (auto& [key, row] : rows) list.push_back(std::move(row));
  return list;
}

std::string Profiler::tables() const {
  std::map<uint32_t, Line> operations, layers, kernels;
  double in_steps = 0, outside = 0;
  Clock::time_point end_of_step{};
  int64_t steps = 0;
  const auto book = [&](std::map<uint32_t, Line>& lines, uint32_t number, const Event& event) {
    Line& line = lines[number];
    line.name = number == 0 ? "outside layers" : names_[number];
    line.seconds += seconds(event.end - event.begin);
    line.bytes += event.bytes;
    ++line.calls;
  };
  for (const Event& event : events_) {
    const double time = seconds(event.end - event.begin);
    if (event.kind == Kind::step) {
      in_steps += time;
      end_of_step = event.end;
      ++steps;
    }
    if (event.kind == Kind::kernel) book(kernels, event.name, event);
    if (event.kind != Kind::operation) continue;
    if (event.begin >= end_of_step) outside += time;
    book(operations, event.name, event);
    book(layers, event.layer, event);
  }
  const double total = in_steps + outside;
  const auto values = [](const std::map<uint32_t, Line>& lines) {
    std::vector<Line> list;
    list.reserve(lines.size());
    for (const auto& entry : lines) list.push_back(entry.second);
    return list;
  };
  return fmt::format("{} step{}, {:.3f} ms each\n\n", steps, steps == 1 ? "" : "s",
                     steps ? 1e3 * in_steps / static_cast<double>(steps) : 0.0) +
         table("operation", values(operations), total) + "\n" + table("layer", values(layers), total) +
         (kernels.empty() ? "" : "\n" + table("kernel", values(kernels), total));
}

void Profiler::write_chrome_trace(const std::string& path) const {
  std::ofstream file(path);
  const char* const categories[] = {"step", "layer", "operation", "kernel"};
  file << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const Event& e = events_[i];
    // Names are those of operations and layers: they need no escaping.
    file << fmt::format(
        "{}\n{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"args\":{{\"layer\":\"{}\","
        "\"bytes\":{}}}}}",
        i ? "," : "", names_[e.name], categories[static_cast<int>(e.kind)], e.kind == Kind::kernel ? 2 : 1,
        seconds(e.begin - events_[0].begin) * 1e6, seconds(e.end - e.begin) * 1e6, names_[e.layer], e.bytes);
  }
  file << "\n]}\n";
  file.close();
  if (!file) fail("{}: cannot write the trace", path);
}

}  // namespace mcnn
