// Photos that show the same picture though their bytes differ: saved again, resized, brightened, mirrored.
// A photo's thumbnail is 16x16 grey cells; photos are near where their thumbnails correlate. Candidates come by a hash (signs of random
// projections: Charikar 2002, "Similarity Estimation Techniques from Rounding Algorithms", section 3), so that not all pairs are compared.
// A different crop or a turned picture is not found.
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

/// Pairs of near thumbnails, by a, then b. Of many that are all but the same each is paired with the first of them alone, and a photo is in
/// 20 pairs at most as the later one. Pictures of one grey have nothing to compare and are left out.
std::vector<NearDuplicate> near_duplicates(std::span<const Thumbnail> thumbnails);

}  // namespace mcnn
