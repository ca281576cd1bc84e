// Checks each access of the running kernel's threads and, if accesses are counted, merges them into requests of warps at each barrier.
// counters.h defines what is counted. Next: shared_window.h and memory.h find the array at an address.
#include "emulator/accesses.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "emulator/grid.h"
#include "emulator/memory.h"
#include "emulator/sanitizers.h"
#include "emulator/shared_window.h"
#include "runtime/error.h"

namespace simt {
namespace {

constexpr unsigned kLanes = 32, kBanks = 32, kSectorBytes = 32, kWordBytes = 4;

struct Access {
  std::uintptr_t place;  // address of the instruction
  std::uintptr_t address;
  unsigned bytes;
  bool write, shared;
};

Counters* of_kernel = nullptr;
std::vector<std::vector<Access>> of_thread;

template <class T>
std::size_t count_distinct(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  return static_cast<std::size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

void count_global(GlobalTraffic& traffic, const std::vector<const Access*>& request) {
  static std::vector<std::uintptr_t> sectors, units;
  const std::uintptr_t unit = request.front()->bytes;  // accesses are aligned, so two of them overlap completely or not at all
  sectors.clear();
  units.clear();
  for (const Access* access : request) {
    sectors.push_back(access->address / kSectorBytes);
    units.push_back(access->address / unit);
    traffic.bytes += access->bytes;
  }
  ++traffic.requests;
  traffic.sectors += count_distinct(sectors);
  traffic.ideal_sectors += (count_distinct(units) * unit + kSectorBytes - 1) / kSectorBytes;
}

/// Counts the lanes of one phase.
void count_shared(SharedTraffic& traffic, const std::vector<const Access*>& phase) {
  static std::vector<std::uintptr_t> words;
  words.clear();
  for (const Access* access : phase) {
    for (unsigned b = 0; b < access->bytes; b += kWordBytes) words.push_back((access->address + b) / kWordBytes);
    traffic.bytes += access->bytes;
  }
  const std::size_t distinct = count_distinct(words);
  std::array<int, kBanks> of_bank{};
  for (std::size_t i = 0; i < distinct; ++i) ++of_bank[words[i] % kBanks];
  const int wavefronts = *std::max_element(of_bank.begin(), of_bank.end());
  ++traffic.phases;
  traffic.wavefronts += wavefronts;
  traffic.worst = std::max(traffic.worst, wavefronts);
}

/// Counts one request of a warp; null: the lane makes no access.
void count(const std::array<const Access*, kLanes>& lanes) {
  const Access& any = **std::find_if(lanes.begin(), lanes.end(), [](const Access* access) { return access != nullptr; });
  static std::vector<const Access*> part;
  const unsigned width = any.shared ? std::min(kLanes, kBanks * kWordBytes / any.bytes) : kLanes;  // lanes served at once
  for (unsigned first = 0; first < kLanes; first += width) {
    part.clear();
    for (unsigned i = first; i < first + width; ++i)
      if (lanes[i]) part.push_back(lanes[i]);
    if (part.empty()) continue;
    if (any.shared)
      count_shared(any.write ? of_kernel->shared_stores : of_kernel->shared_loads, part);
    else
      count_global(any.write ? of_kernel->stores : of_kernel->loads, part);
  }
}

/// Accesses of one lane at one instruction, in order.
struct Run {
  std::uintptr_t place;
  unsigned lane;
  const Access *begin, *end;
};

void merge_warp(unsigned first_thread, unsigned end_thread) {
  static std::vector<Run> runs;
  runs.clear();
  for (unsigned t = first_thread; t < end_thread; ++t) {
    std::vector<Access>& mine = of_thread[t];
    std::stable_sort(mine.begin(), mine.end(), [](const Access& a, const Access& b) { return a.place < b.place; });
    for (const Access *at = mine.data(), *end = at + mine.size(); at < end;) {
      const Access* next = std::find_if(at, end, [&](const Access& access) { return access.place != at->place; });
      runs.push_back({at->place, t - first_thread, at, next});
      at = next;
    }
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.place < b.place; });
  for (auto at = runs.begin(); at < runs.end();) {
    const auto next = std::find_if(at, runs.end(), [&](const Run& run) { return run.place != at->place; });
    for (std::ptrdiff_t k = 0;; ++k) {
      std::array<const Access*, kLanes> lanes{};
      bool some = false;
      for (auto run = at; run < next; ++run)
        if (k < run->end - run->begin) lanes[run->lane] = run->begin + k, some = true;
      if (!some) break;
      count(lanes);
    }
    at = next;
  }
}

}  // namespace

void count_into(Counters* of_running_kernel) {
  of_kernel = of_running_kernel;
  for (std::vector<Access>& mine : of_thread) mine.clear();
}

void merge_accesses() {
  if (!options().count) return;
  const unsigned threads = static_cast<unsigned>(of_thread.size());
  for (unsigned first = 0; first < threads; first += kLanes) merge_warp(first, std::min(first + kLanes, threads));
  for (std::vector<Access>& mine : of_thread) mine.clear();
}

void record_access(const void* address, int bytes, bool write) {
  const Unseen unseen;
  const char* what = write ? "store" : "load";
  if (reinterpret_cast<std::uintptr_t>(address) % bytes)
    fail_thread(fmt::format("a {} of {} bytes at {}, which is not a multiple of {}", what, bytes, address, bytes));
  const bool shared = in_shared_window(address);
  if (options().count) {
    const unsigned t = thread_number();
    if (of_thread.size() <= t) of_thread.resize(t + 1);
    of_thread[t].push_back({reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)), reinterpret_cast<std::uintptr_t>(address),
                            static_cast<unsigned>(bytes), write, shared});
  }
  if (address_sanitizer() && !options().asynchronous) return;  // AddressSanitizer reports it with the source line
  const Piece piece = shared ? shared_array_at(address) : piece_at(address);
  if (piece.holds(address, bytes)) return;
  if (piece.size == 0)
    fail_thread(fmt::format("a {} of {} bytes at {}, in no {}", what, bytes, address, shared ? "shared array" : "device memory"));
  const auto past = static_cast<const std::byte*>(address) + bytes - piece.begin - piece.size;
  fail_thread(fmt::format("a {} of {} bytes ends {} bytes behind the nearest device memory, of {} bytes", what, bytes, past, piece.size));
}

}  // namespace simt
