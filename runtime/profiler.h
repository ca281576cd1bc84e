// Where a step's time goes: spans of steps, layers and operations on the thread that runs them, as tables and as a trace
// for chrome://tracing or ui.perfetto.dev. Off until enabled; then each span costs two clock readings and one vector entry.
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
  /// Runs from its creation to its end; spans end in the reverse order of their beginning.
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
  /// Forgets everything; not inside a span.
  void clear();

  /// What the tables' shares are of, with operations outside of them (waiting for photos). Without one: all operations.
  Span step() { return enabled_ ? begin(Kind::step, "step") : Span(); }
  /// Operations inside belong to it; of nested layers, to the innermost.
  Span layer(const std::string& name) { return enabled_ ? begin(Kind::layer, name) : Span(); }
  /// `bytes`: what it must move at least; 0: not known.
  Span operation(const char* name, int64_t bytes = 0) { return enabled_ ? begin(Kind::operation, name, bytes) : Span(); }

  /// An operation of a step that a backend recorded.
  struct Operation {
    const char* name;
    std::string layer;
    int64_t bytes;
  };
  /// A replay of it that began at `begin`, by the kernels' own times: KernelTime::operation is an index into `operations`.
  void add(std::chrono::steady_clock::time_point begin, const std::vector<Operation>& operations, const std::vector<KernelTime>& kernels);

  /// The innermost layer now, "" outside: what a backward closure keeps to enter it again.
  const std::string& current_layer() const;

  /// One kernel, or where a backend does not time them one operation, in one layer: all steps together.
  struct Row {
    std::string operation, layer, kernel;
    int64_t calls = 0;
    double seconds = 0;
    int64_t bytes = 0;  ///< of the operation, in the row of its first kernel
  };
  std::vector<Row> rows() const;

  /// Time, share, calls and GB/s per operation, per layer and, where a backend times them, per kernel, largest first, each table with the
  /// remainder of the steps and their sum. Calls and times are of all steps together.
  std::string tables() const;
  /// Trace Event Format. Throws Error naming the file.
  void write_chrome_trace(const std::string& path) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    Kind kind;
    uint32_t name, layer, operation;  // into names_; operation: of a kernel
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
  std::vector<uint32_t> layers_;  // open, innermost last
  int open_ = 0;                  // spans
};

}  // namespace mcnn
