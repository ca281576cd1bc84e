// Signals that ask a training to end: it saves its state behind the step it is in and leaves.
#pragma once
#include "runtime/error.h"

namespace mcnn {

/// Thrown when a training was asked to end and has saved its state; what() says how to go on.
struct Interrupted : Error {
  Interrupted(const std::string& what, int number) : Error(what), signal(number) {}
  int signal;
};

/// While it lives, the first SIGINT, SIGTERM or SIGHUP is remembered and the second ends the program at once. A signal that was ignored
/// before, as nohup has it, stays ignored. One at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal that came; 0: none.
  static int signal();
};

}  // namespace mcnn
