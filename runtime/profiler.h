// Measures where a step's time goes: spans of steps, layers and operations, as tables and as a trace for chrome://tracing or
// ui.perfetto.dev. Off until enabled; then each span costs two clock readings and one vector entry. For one thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/kernel_time.h"

namespace mcnn {

class Profiler {
  enum class Kind : uint8_t { step, layer, operation, kernel };

 public:
  /// Measures from its construction to its destruction. Spans nest: the last to begin ends first.
  class [[nodiscard]] Span {
   public:
    Span() = default;
    Span(Span&& other) noexcept : profiler_(other.profiler_), event_(other.event_) { other.profiler_ = nullptr; }
    Span& operator=(Span&&) = delete;
    ~Span() {
      if (profiler_) profiler_->end(event_);
    }

   private:
    friend class Profiler;
    Span(Profiler* profiler, std::size_t event) : profiler_(profiler), event_(event) {}
    Profiler* profiler_ = nullptr;
    std::size_t event_ = 0;
  };

  void enable(bool on) { enabled_ = on; }
  bool enabled() const { return enabled_; }
  /// Discards all events; not inside a span.
  void clear();

  /// A step. The tables' shares are relative to the time of all steps plus that of operations outside steps (waiting for photos).
  Span step() { return enabled_ ? begin(Kind::step, "step") : Span(); }
  /// A layer. Operations inside it belong to it; in nested layers, to the innermost.
  Span layer(const std::string& name) { return enabled_ ? begin(Kind::layer, name) : Span(); }
  /// An operation. `bytes`: the least it must move; 0: not known.
  Span operation(const char* name, int64_t bytes = 0) { return enabled_ ? begin(Kind::operation, name, bytes) : Span(); }

  /// An operation of a step that a backend recorded.
  struct Operation {
    const char* name;
    std::string layer;
    int64_t bytes;
  };
  /// Adds a replay of a recorded step that began at `begin`, from its kernels' times. KernelTime::operation is an index into `operations`.
  void add(std::chrono::steady_clock::time_point begin, const std::vector<Operation>& operations, const std::vector<KernelTime>& kernels);

  /// The innermost layer now; "" outside layers.
  const std::string& current_layer() const;

  /// One operation in one layer, or, if the backend timed its kernels, one kernel of it; summed over all steps.
  struct Row {
    std::string operation, layer, kernel;
    int64_t calls = 0;
    double seconds = 0;
    int64_t bytes = 0;  ///< of the operation; counted in the row of its first kernel only
  };
  std::vector<Row> rows() const;

  /// Calls, time, share and GB/s per operation, per layer and, if the backend timed them, per kernel, largest first. Each table ends with
  /// the time between operations and the sum. Calls and times are summed over all steps.
  std::string tables() const;
  /// Writes Trace Event Format. Throws Error naming the file.
  void write_chrome_trace(const std::string& path) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    Kind kind;
    uint32_t name, layer, operation;  // indices of names_; operation: set for kernels
    Clock::time_point begin, end;
    int64_t bytes;
  };
  Span begin(Kind kind, const std::string& name, int64_t bytes = 0);
  void end(std::size_t event);
  uint32_t intern(const std::string& name);

  bool enabled_ = false;
  std::vector<Event> events_;
  std::vector<std::string> names_ = {""};
  std::map<std::string, uint32_t> numbers_ = {{"", 0}};
  std::vector<uint32_t> layers_;  // open layers, innermost last
  int open_ = 0;                  // open spans
};

}  // namespace mcnn
