// Reverse-mode automatic differentiation: each layer's forward pushes the closure that carries out its backward.
// A closure holds the tensors it needs; running it in backward() destroys it, which returns their memory.
#pragma once
#include <functional>
#include <utility>
#include <vector>

namespace mcnn {

class Tape {
 public:
  explicit Tape(bool recording = true) : recording_(recording) {}
  /// False in evaluation: layers then keep nothing for backward.
  bool recording() const { return recording_; }
  void record(std::function<void()> backward) {
    if (recording_) closures_.push_back(std::move(backward));
  }
  /// Runs every closure once, last recorded first, and leaves the tape empty.
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
