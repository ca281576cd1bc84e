// Fences and atomics as ThreadSanitizer is told of them. Included by device_atomics.h.
// An atomic of the device is relaxed, and a fence alone orders nothing. What one thread did before its fence comes before what
// another does after its own if the first made an atomic operation after its fence, and the second one at the same address, later,
// before its fence (PTX ISA, "Memory Consistency Model": release and acquire patterns).
#pragma once

namespace simt {
/// The running thread's fence.
void fence();
/// The running thread made an atomic operation at `address`.
void note_atomic(void* address);
}  // namespace simt
