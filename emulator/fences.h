// Tells ThreadSanitizer how fences and atomics order memory accesses. Included by device_atomics.h.
// A device's atomics are relaxed, and a fence alone orders nothing. Thread A's accesses before its fence are ordered before thread B's
// accesses after its fence if A does an atomic operation after its fence, and B later does one at the same address before its own fence
// (PTX ISA, "Memory Consistency Model": release and acquire patterns).
#pragma once

namespace simt {
/// Called for a fence of the running thread.
void fence();
/// Called after an atomic operation of the running thread at `address`.
void note_atomic(void* address);
}  // namespace simt
