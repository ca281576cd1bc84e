// Philox4x32-10, a counter-based random number generator: the i-th number depends on (seed, stream, step, i) alone, so it
// is the same on every backend, for any thread count, and after a resume.
// All constexpr: CUDA kernels call the same functions (nvcc --expt-relaxed-constexpr).
// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; checked by Random123's known answers.
#pragma once
#include <array>
#include <cstdint>

namespace mcnn {

/// Streams, one range for each purpose. The low 24 bits number the users of one purpose (layers, files).
namespace stream {
inline constexpr uint32_t kIndexMask = 0x00ffffffu;
inline constexpr uint32_t initial_weights = 0x01000000u;
inline constexpr uint32_t drop_path = 0x02000000u;
inline constexpr uint32_t dropout = 0x03000000u;
inline constexpr uint32_t shuffle = 0x04000000u;
inline constexpr uint32_t augment = 0x05000000u;
inline constexpr uint32_t split = 0x06000000u;
inline constexpr uint32_t synthetic = 0x07000000u;
}  // namespace stream

struct Philox {
  uint64_t seed = 0;
  uint32_t stream = 0;  ///< one for each user of random numbers: a dropout layer, the shuffling of an epoch
  uint32_t step = 0;

  using Block = std::array<uint32_t, 4>;

  /// The ten rounds on a counter and a key.
  static constexpr Block rounds(Block counter, std::array<uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * counter[0];
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * counter[2];
      counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
                 static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    return counter;
  }

  /// The bits of elements 4*index to 4*index + 3.
  constexpr Block block(uint64_t index) const {
    return rounds({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), step, stream},
                  {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  }
  /// 32 random bits for element `index`.
  constexpr uint32_t bits(uint64_t index) const { return block(index / 4)[index % 4]; }

  /// Uniform in [0, 1), 24 bits: exact in fp32, so every backend compares the same number.
  static constexpr float uniform_of(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
  constexpr float uniform(uint64_t index) const { return uniform_of(bits(index)); }
};

}  // namespace mcnn
