// A batch of random pixels, with class n % classes for photo n, for timing and comparing whole steps.
#pragma once
#include "data/batch.h"
#include "runtime/philox.h"

namespace mcnn::bench {

/// n photos of (h,w), determined by `seed`.
inline Batch random_photos(int64_t n, int64_t h, int64_t w, int64_t classes, uint64_t seed = 1) {
  Batch photos{.n = n, .h = h, .w = w};
  const Philox random{seed};
  photos.pixels.resize(static_cast<std::size_t>(n * h * w * 3));
  for (std::size_t i = 0; i < photos.pixels.size(); ++i) photos.pixels[i] = static_cast<uint8_t>(random.bits(i));
  photos.flips.resize(static_cast<std::size_t>(n));
  photos.targets.resize(static_cast<std::size_t>(n * classes));
  for (int64_t i = 0; i < n; ++i) photos.targets[static_cast<std::size_t>(i * classes + i % classes)] = 1.f;
  return photos;
}

}  // namespace mcnn::bench
