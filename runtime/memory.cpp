#include "runtime/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

#include "runtime/allowance.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

class HostMemory final : public Memory {
 public:
  void* reserve(std::size_t bytes) override {
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) fail("cannot reserve {} bytes of memory: {}", bytes, std::strerror(errno));
    // Feature maps are hundreds of MB, read in order: pages of 2 MB avoid most page faults and TLB misses.
    madvise(address, bytes, MADV_HUGEPAGE);
    return address;
  }
  void release(void* address, std::size_t bytes) override { munmap(address, bytes); }
  std::size_t available() const override {
    std::ifstream meminfo("/proc/meminfo");
    std::string key;
    std::size_t kib = 0;
    for (std::string unit; meminfo >> key >> kib; std::getline(meminfo, unit))
      if (key == "MemAvailable:") return std::min(kib * 1024, memory_left_by_cgroups());
    return memory_left_by_cgroups();
  }
};

class ImaginaryMemory final : public Memory {
 public:
  void* reserve(std::size_t) override { return reinterpret_cast<void*>(uintptr_t{1} << 12); }
  void release(void*, std::size_t) override {}
  std::size_t available() const override { return SIZE_MAX; }
};

}  // namespace

void* Memory::reserve_most(std::size_t& bytes, std::size_t least) {
  for (std::size_t size = bytes; size >= least; size /= 2) {
    void* address = nullptr;
    try {
      address = reserve(size);
    } catch (const Error&) {
      continue;
    }
    if (size == bytes) return address;
    // Addresses are limited: take a quarter, since threads, files and other reservations need some too.
    release(address, size);
    bytes = std::max(size / 4, least);
    return reserve(bytes);
  }
  return reserve(bytes = least);
}

Memory& host_memory() {
  static HostMemory memory;
  return memory;
}

Memory& imaginary_memory() {
  static ImaginaryMemory memory;
  return memory;
}

}  // namespace mcnn
