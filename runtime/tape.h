// Reverse-mode automatic differentiation: each layer's forward pushes a closure that adds its backward operations to the program.
// Next: layers/context.h.
#pragma once
#include <functional>
#include <utility>
#include <vector>

namespace mcnn {

class Tape {
 public:
  explicit Tape(bool recording = true) : recording_(recording) {}
  /// False in evaluation: closures are not kept.
  bool recording() const { return recording_; }
  void record(std::function<void()> backward) {
    if (recording_) closures_.push_back(std::move(backward));
  }
  /// Runs each closure once, the last recorded first, and empties the tape.
  void backward() {
    while (!closures_.empty()) {
      const auto closure = std::move(closures_.back());
      closures_.pop_back();
      closure();
    }
  }

 private:
  std::vector<std::function<void()>> closures_;
  bool recording_;
};

}  // namespace mcnn
