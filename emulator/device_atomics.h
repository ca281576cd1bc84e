// Atomic operations. As on the device they are relaxed: they order no other memory accesses. Included by cuda_runtime.h.
#pragma once
#include <atomic>

#include "emulator/fences.h"

namespace simt {
template <class T, class Change>
T atomic_change(T* address, Change change) {
  std::atomic_ref<T> value(*address);
  T old = value.load(std::memory_order_relaxed);
  while (!value.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {
  }
  note_atomic(address);
  return old;
}
}  // namespace simt

template <class T>
T atomicAdd(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return static_cast<T>(old + x); });
}
template <class T>
T atomicSub(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return static_cast<T>(old - x); });
}
template <class T>
T atomicMax(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return old < x ? x : old; });
}
template <class T>
T atomicMin(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return x < old ? x : old; });
}
template <class T>
T atomicExch(T* address, T x) {
  return simt::atomic_change(address, [x](T) { return x; });
}
template <class T>
T atomicCAS(T* address, T expected, T x) {
  return simt::atomic_change(address, [=](T old) { return old == expected ? x : old; });
}
template <class T>
T atomicOr(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return static_cast<T>(old | x); });
}
template <class T>
T atomicAnd(T* address, T x) {
  return simt::atomic_change(address, [x](T old) { return static_cast<T>(old & x); });
}
/// Increments from 0 to `last`, then wraps to 0; returns the old value.
inline unsigned atomicInc(unsigned* address, unsigned last) {
  return simt::atomic_change(address, [last](unsigned old) { return old >= last ? 0 : old + 1; });
}

// A fence needs no instruction, since one OS thread runs the whole grid; ThreadSanitizer is told about it (fences.h).
inline void __threadfence() { simt::fence(); }
