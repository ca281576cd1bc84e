// Signals that end a training: it finishes its step, saves the state and stops.
#pragma once
#include "runtime/error.h"

namespace mcnn {

/// Thrown after a signal, when the state is saved; what() says how to resume.
struct Interrupted : Error {
  Interrupted(const std::string& what, int number) : Error(what), signal(number) {}
  int signal;
};

/// While it lives, the first SIGINT, SIGTERM or SIGHUP is only noted; the second ends the program at once. A signal that was ignored
/// before (by nohup) stays ignored. One object at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal noted; 0: none.
  static int signal();
};

}  // namespace mcnn
