// Finds photos that show the same picture although their bytes differ: saved again, resized, brightened, mirrored.
// A photo's thumbnail has 16x16 grey cells; photos are near-duplicates if their thumbnails correlate. To avoid comparing all pairs,
// candidates are found by a hash, the signs of random projections (Charikar 2002, "Similarity Estimation Techniques from Rounding
// Algorithms", section 3). Other crops and rotations are not found.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/image.h"

namespace mcnn {

inline constexpr int kThumbnail = 16;
using Thumbnail = std::array<uint8_t, kThumbnail * kThumbnail>;

/// Mean luminance (Rec. 601) of each cell of the whole picture.
Thumbnail thumbnail_of(const Image& image);

struct NearDuplicate {
  std::size_t a, b;  ///< a < b
  bool mirrored;
  double correlation;  ///< of the thumbnails, at least kNear
};
inline constexpr double kNear = 0.995;

/// Pairs of near-duplicates, sorted by a, then b. In a group of almost equal photos each is paired only with the first of the group. A
/// photo is the later one of at most 20 pairs. Pictures without contrast are left out.
std::vector<NearDuplicate> near_duplicates(std::span<const Thumbnail> thumbnails);

}  // namespace mcnn
