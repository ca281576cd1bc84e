// The threads of a loop. Each calling thread has a team, made when it is first needed and kept.
// A waiting thread spins for some microseconds, since loops follow each other closely; then it yields the processor again and again for a
// millisecond; then it sleeps. (Beside another busy program, a thread that only spins takes the processor from the thread it waits for.)
// A loop waits only for workers that have begun on it: a worker that the scheduler wakes too late finds the loop closed.
//   fork()             the child has none of the workers: its next loop makes a team of its own
//   no more threads    a team has the threads that could be made, down to the calling thread alone
// Next: parallel.h, the loop.
#pragma once
#include <cstdint>

namespace mcnn::cpu {

/// Runs work(context, part) for each part in [0, parts) on at most `threads` threads, the calling one among them, in any order.
/// `work` must not throw. A loop inside a loop runs on the thread that reaches it. Throws std::bad_alloc.
void run_on_team(int threads, int64_t parts, void (*work)(const void* context, int64_t part), const void* context);

}  // namespace mcnn::cpu
