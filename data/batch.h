// Photos as the loader hands them to the engine.
#pragma once
#include <cstdint>
#include <vector>

namespace mcnn {

struct Batch {
  int64_t n = 0, h = 0, w = 0;
  std::vector<uint8_t> pixels;  ///< (N,H,W,3), RGB
  std::vector<uint8_t> flips;   ///< (N): 1 where the photo is to be mirrored
  std::vector<int> labels;      ///< (N): -1 where unknown
  std::vector<float> targets;   ///< (N,K): the distribution the loss wants, one-hot unless photos are mixed
  std::vector<int64_t> photos;  ///< (N): index into the loader's dataset
};

}  // namespace mcnn
