// The arena: freed memory is reused, a repeated step needs no more memory, and reads of uninitialised memory show.
// Next: runtime/arena.h.
#include "runtime/arena.h"

#include <gtest/gtest.h>

#include <memory>

#include <cmath>
#include <vector>

namespace mcnn {
namespace {

TEST(Arena, TensorsAreAlignedAndApart) {
  Arena arena(host_memory());
  Tensor a = arena.tensor({3}), b = arena.tensor({5, 7}, DType::bf16), c = arena.tensor({1}, DType::f64);
  for (const Tensor& t : {a, b, c}) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.raw()) % 64, 0u);
  EXPECT_EQ(b.bytes(), 70u);
  EXPECT_GE(static_cast<char*>(b.raw()), static_cast<char*>(a.raw()) + a.bytes());
  EXPECT_GE(static_cast<char*>(c.raw()), static_cast<char*>(b.raw()) + b.bytes());
}

TEST(Arena, HolesMergeInAnyOrderOfRelease) {
  for (const auto& order : std::vector<std::vector<std::size_t>>{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    Arena arena(host_memory());
    std::vector<Tensor> small;
    for (int i = 0; i < 3; ++i) small.push_back(arena.tensor({1000}));
    const Tensor last = arena.tensor({1});
    const void* start = small[0].raw();
    const std::size_t peak = arena.peak();
    for (const std::size_t i : order) small[i] = {};
    const Tensor large = arena.tensor({3000});  // fits only into the merged hole of all three
    EXPECT_EQ(large.raw(), start);
    EXPECT_EQ(arena.peak(), peak);
  }
}

TEST(Arena, LowestHoleThatFits) {
  Arena arena(host_memory());
  Tensor a = arena.tensor({100}), between = arena.tensor({1}), b = arena.tensor({1000}), end = arena.tensor({1});
  const void *first = a.raw(), *second = b.raw();
  a = {}, b = {};
  EXPECT_EQ(arena.tensor({500}).raw(), second);
  EXPECT_EQ(arena.tensor({50}).raw(), first);
}

TEST(Arena, CopiesShareAndTheLastOneReleases) {
  Arena arena(host_memory());
  const std::size_t before = arena.in_use();
  Tensor a = arena.tensor({100}), copy = a;
  a = {};
  EXPECT_GT(arena.in_use(), before);
  copy = {};
  EXPECT_EQ(arena.in_use(), before);
}

TEST(Arena, RepeatedStepKeepsItsPeak) {
  Arena arena(host_memory());
  const auto step = [&] {
    std::vector<Tensor> kept;
    for (int64_t size : {1000, 10, 3000, 77}) {
      const Tensor scratch = arena.tensor({size * 3});
      kept.push_back(arena.tensor({size}));
    }
    while (!kept.empty()) {
      const Tensor gradient = arena.tensor(kept.back().shape());
      kept.pop_back();
    }
  };
  step();
  const std::size_t peak = arena.peak();
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(arena.peak(), peak);
  EXPECT_EQ(arena.in_use(), 0u);
}

TEST(Arena, TensorsOutliveTheArena) {
  Tensor x;
  {
    Arena arena(host_memory());
    x = arena.tensor({1000});
  }
  x.data<float>()[999] = 1.f;  // a segmentation fault, or AddressSanitizer's report, if the memory were freed
  EXPECT_EQ(x.data<float>()[999], 1.f);
}

TEST(Arena, SaysWhenItIsUsedUp) {
  Arena arena(host_memory(), 4096);
  EXPECT_THROW(arena.tensor({2000}), Error);
  EXPECT_NO_THROW(arena.tensor({500}));
}

TEST(Arena, ImaginaryMemoryMeasuresWithoutTouching) {
  Arena real(host_memory()), imagined(imaginary_memory());
  const Tensor a = imagined.tensor({1 << 20, 1 << 10});  // 4 GB that are not there
  EXPECT_GE(imagined.peak(), std::size_t{1} << 32);
  const Tensor b = real.tensor({77, 3});
  Arena again(imaginary_memory());
  const Tensor c = again.tensor({77, 3});
  EXPECT_EQ(real.peak(), again.peak());
}

/// Memory whose addresses are limited.
class Limited final : public Memory {
 public:
  explicit Limited(std::size_t bytes) : left(bytes) {}
  void* reserve(std::size_t bytes) override {
    if (bytes > left) fail("limited");
    left -= bytes;
    return host_memory().reserve(bytes);
  }
  void release(void* address, std::size_t bytes) override {
    left += bytes;
    host_memory().release(address, bytes);
  }
  std::size_t available() const override { return left; }
  std::size_t left;
};

TEST(Arena, LimitedAddressesAreShared) {
  Limited memory(std::size_t{64} << 20);
  {
    std::vector<std::unique_ptr<Arena>> arenas;
    for (int i = 0; i < 8; ++i) arenas.push_back(std::make_unique<Arena>(memory, std::size_t{1} << 38));
    EXPECT_GT(memory.left, std::size_t{4} << 20);  // what is left for others
    EXPECT_EQ(arenas[0]->tensor({1 << 20}).shape().size(), 1 << 20);
    EXPECT_THROW(arenas[0]->tensor({16 << 20}), Error);
  }
  EXPECT_EQ(memory.left, std::size_t{64} << 20);
  Limited too_little(1000);
  EXPECT_THROW(Arena{too_little}, Error);
}

}  // namespace
}  // namespace mcnn
