// Contract: interruption.h.
#include "train/interruption.h"

#include <signal.h>

#include <array>
#include <atomic>

namespace mcnn {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);  // required in a signal handler

void set_action(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

void remember(int number) {
  received = number;
  for (const int other : kSignals) set_action(other, SIG_DFL);
}

}  // namespace

Interruption::Interruption() {
  received = 0;
  for (const int number : kSignals) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_DFL) set_action(number, remember);
  }
}

Interruption::~Interruption() {
  for (const int number : kSignals) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler == remember) set_action(number, SIG_DFL);
  }
}

int Interruption::signal() { return received; }

}  // namespace mcnn
