// Barriers, shuffles, votes and reductions of a warp. Included by cuda_runtime.h.
// Next: grid.h has warp_exchange, on which all of them are built.
#pragma once
#include "emulator/grid.h"

inline void __syncthreads(simt::Where where = simt::Where::here()) { simt::barrier(false, where); }
inline int __syncthreads_count(int predicate, simt::Where where = simt::Where::here()) { return simt::barrier(predicate != 0, where); }
inline int __syncthreads_or(int predicate, simt::Where where = simt::Where::here()) { return simt::barrier(predicate != 0, where) != 0; }
inline int __syncthreads_and(int predicate, simt::Where where = simt::Where::here()) { return simt::barrier(predicate == 0, where) == 0; }

inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Where where = simt::Where::here()) {
  simt::meet("__syncwarp", mask, nullptr, nullptr, where);
}

namespace simt {

template <class T>
struct ShuffleLane {
  T value;
  unsigned source;  // lane
  T result;
};

/// Each lane reads the value of the lane `source`. A source outside the mask ends the kernel.
template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned source, Where where) {
  ShuffleLane<T> mine{value, source, value};
  warp_exchange(
      what, mask, mine,
      [](const std::array<ShuffleLane<T>*, 32>& lanes) {
        for (unsigned i = 0; i < 32; ++i) {
          if (!lanes[i]) continue;
          const ShuffleLane<T>* from = lanes[lanes[i]->source];
          if (!from)
            fail_thread("lane " + std::to_string(i) + " reads from lane " + std::to_string(lanes[i]->source) +
                        ", which is not in the mask");
          lanes[i]->result = from->value;
        }
      },
      where);
  return mine.result;
}

inline unsigned lane() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32; }

}  // namespace simt

// Lanes are grouped into segments of `width`; a lane whose source would lie outside its segment keeps its own value.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, simt::Where where = simt::Where::here()) {
  const unsigned lane = simt::lane(), w = static_cast<unsigned>(width);
  return simt::shuffle("__shfl_sync", mask, value, (lane & ~(w - 1)) | (static_cast<unsigned>(source) & (w - 1)), where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, simt::Where where = simt::Where::here()) {
  const unsigned lane = simt::lane(), within = lane & (static_cast<unsigned>(width) - 1);
  return simt::shuffle("__shfl_up_sync", mask, value, within >= delta ? lane - delta : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, simt::Where where = simt::Where::here()) {
  const unsigned lane = simt::lane(), w = static_cast<unsigned>(width), within = lane & (w - 1);
  return simt::shuffle("__shfl_down_sync", mask, value, within + delta < w ? lane + delta : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, simt::Where where = simt::Where::here()) {
  // A lane may read from an earlier segment but not from a later one.
  const unsigned lane = simt::lane(), source = lane ^ static_cast<unsigned>(lanes), end = (lane | (static_cast<unsigned>(width) - 1)) + 1;
  return simt::shuffle("__shfl_xor_sync", mask, value, source < end ? source : lane, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Where where = simt::Where::here()) {
  struct Lane {
    bool predicate;
    unsigned result;
  } mine{predicate != 0, 0};
  simt::warp_exchange(
      "__ballot_sync", mask, mine,
      [](const std::array<Lane*, 32>& lanes) {
        unsigned bits = 0;
        for (unsigned i = 0; i < 32; ++i)
          if (lanes[i] && lanes[i]->predicate) bits |= 1u << i;
        for (Lane* lane : lanes)
          if (lane) lane->result = bits;
      },
      where);
  return mine.result;
}
inline int __any_sync(unsigned mask, int predicate, simt::Where where = simt::Where::here()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Where where = simt::Where::here()) {
  return __ballot_sync(mask, predicate, where) == mask;
}

namespace simt {
/// Reduces all lanes' values with `combine`, in lane order; every lane gets the result.
template <class T, class Combine>
T reduce(const char* what, unsigned mask, T value, Combine, Where where) {
  T mine = value;
  warp_exchange(
      what, mask, mine,
      [](const std::array<T*, 32>& lanes) {
        T* result = nullptr;
        for (T* lane : lanes)
          if (lane && !result)
            result = lane;
          else if (lane)
            *result = Combine{}(*result, *lane);
        for (T* lane : lanes)
          if (lane) *lane = *result;
      },
      where);
  return mine;
}
}  // namespace simt
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, simt::Where where = simt::Where::here()) {
  return simt::reduce(
      "__reduce_add_sync", mask, value, [](unsigned a, unsigned b) { return a + b; }, where);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, simt::Where where = simt::Where::here()) {
  return simt::reduce(
      "__reduce_max_sync", mask, value, [](unsigned a, unsigned b) { return a > b ? a : b; }, where);
}
