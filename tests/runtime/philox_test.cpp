// Philox4x32-10 against the known answers of Random123 1.14 (kat_vectors), and the engine's use of counter and key.
#include "runtime/philox.h"

#include <gtest/gtest.h>

namespace mcnn {
namespace {

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox::rounds({0, 0, 0, 0}, {0, 0}), (Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox::rounds({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}), (Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox::rounds({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The counter is (index/4 low, index/4 high, step, stream), the key the seed's halves: a checkpoint's resume relies on it.
TEST(Philox, CounterLayout) {
  const Philox random{.seed = 0x299f31d0a4093822, .stream = 0x03707344, .step = 0x13198a2e};
  const uint64_t block = 0x85a308d3243f6a88 & 0x3fffffffffffffff;  // index = 4*block fits 64 bits
  const Philox::Block expected = Philox::rounds({0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  for (uint64_t word = 0; word < 4; ++word) EXPECT_EQ(random.bits(4 * block + word), expected[word]);
}

TEST(Philox, UniformIsTwentyFourBitsBelowOne) {
  const Philox random{.seed = 5};
  double sum = 0;
  constexpr uint64_t kCount = 100000;
  for (uint64_t i = 0; i < kCount; ++i) {
    const float u = random.uniform(i);
    ASSERT_GE(u, 0.f);
    ASSERT_LT(u, 1.f);
    ASSERT_EQ(u * 0x1p24f, static_cast<float>(random.bits(i) >> 8));
    sum += u;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 4 * 0.2887 / 316.2);  // four standard errors
}

}  // namespace
}  // namespace mcnn
