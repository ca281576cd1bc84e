// A batch of photos, from the loader (loader.h) to the engine (inference/engine.h).
#pragma once
#include <cstdint>
#include <vector>

namespace mcnn {

struct Batch {
  int64_t n = 0, h = 0, w = 0;
  std::vector<uint8_t> pixels;  ///< (N,H,W,3), RGB
  std::vector<uint8_t> flips;   ///< (N): 1: the engine mirrors the photo
  std::vector<int> labels;      ///< (N): -1 if unknown
  std::vector<float> targets;   ///< (N,K): target distributions of the loss, one-hot
  std::vector<int64_t> photos;  ///< (N): index into the loader's dataset
};

}  // namespace mcnn
