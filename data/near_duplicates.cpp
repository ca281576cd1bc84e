// Normalises thumbnails to unit length, hashes them, splits hashes into bands, and compares thumbnails that share a band.
// Contract: near_duplicates.h.  Next: dataset_check.cpp uses it.
#include "data/near_duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>
#include <unordered_map>

namespace mcnn {
namespace {

constexpr int kMostBits = 7;               // bits in which the hashes of candidates may differ
constexpr int kBands = kMostBits + 1;      // one band more, so that at least one band is equal
constexpr double kAllButTheSame = 0.999;   // correlation of two photos above which only the first is paired with others
constexpr std::size_t kMostOfAPhoto = 20;  // pairs per photo
constexpr double kLeastDeviation = 2;      // grey levels: thumbnails with less contrast are not compared

struct Normal {
  std::array<float, kThumbnail * kThumbnail> values;  // mean 0, length 1
  uint64_t hash;
};

Thumbnail mirrored(const Thumbnail& thumbnail) {
  Thumbnail out;
  for (int y = 0; y < kThumbnail; ++y)
    for (int x = 0; x < kThumbnail; ++x)
      out[static_cast<std::size_t>(y * kThumbnail + x)] = thumbnail[static_cast<std::size_t>(y * kThumbnail + kThumbnail - 1 - x)];
  return out;
}

/// The signs of 64 fixed random projections. For two thumbnails each sign differs with probability angle/pi, which is 3% for kNear.
uint64_t hash_of(const std::array<float, kThumbnail * kThumbnail>& values) {
  static const auto signs = [] {
    std::array<std::array<float, kThumbnail * kThumbnail>, 64> table;
    std::mt19937_64 random(1);  // the C++ standard fixes its numbers
    for (auto& projection : table)
      for (std::size_t i = 0; i < projection.size(); i += 64) {
        const uint64_t bits = random();
        for (std::size_t j = 0; j < 64; ++j) projection[i + j] = (bits >> j & 1) != 0 ? 1.f : -1.f;
      }
    return table;
  }();
  uint64_t hash = 0;
  for (std::size_t i = 0; i < signs.size(); ++i)
    if (std::inner_product(values.begin(), values.end(), signs[i].begin(), 0.) > 0) hash |= uint64_t{1} << i;
  return hash;
}

/// Returns false for a thumbnail without contrast.
bool normalise(const Thumbnail& thumbnail, Normal& out) {
  double mean = 0, squares = 0;
  for (const uint8_t v : thumbnail) mean += v;
  mean /= thumbnail.size();
  for (const uint8_t v : thumbnail) squares += (v - mean) * (v - mean);
  if (squares < kLeastDeviation * kLeastDeviation * thumbnail.size()) return false;
  const double length = std::sqrt(squares);
  for (std::size_t i = 0; i < thumbnail.size(); ++i) out.values[i] = static_cast<float>((thumbnail[i] - mean) / length);
  out.hash = hash_of(out.values);
  return true;
}

double correlation(const Normal& a, const Normal& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) sum += static_cast<double>(a.values[i]) * b.values[i];
  return sum;
}

uint64_t band(uint64_t hash, int number) {
  constexpr int kBits = 64 / kBands;
  return hash >> (number * kBits) & ((uint64_t{1} << kBits) - 1);
}

}  // namespace

Thumbnail thumbnail_of(const Image& image) {
  // Pixel i of an axis covers the range [i, i+1) * kThumbnail/size of cells, which may begin and end inside a cell.
  std::array<double, kThumbnail * kThumbnail> sums{};
  const double per_row = static_cast<double>(kThumbnail) / image.height, per_column = static_cast<double>(kThumbnail) / image.width;
  const auto spread = [](double from, double to, const auto& add) {
    for (int cell = static_cast<int>(from); cell < kThumbnail && cell < to; ++cell)
      if (const double share = std::min(to, cell + 1.) - std::max(from, static_cast<double>(cell)); share > 0)
        add(static_cast<std::size_t>(cell), share);
  };
  const uint8_t* pixel = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    std::array<double, kThumbnail> of_row{};
    for (int x = 0; x < image.width; ++x, pixel += 3) {
      const double luminance = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
      spread(x * per_column, (x + 1) * per_column, [&](std::size_t column, double share) { of_row[column] += share * luminance; });
    }
    spread(y * per_row, (y + 1) * per_row, [&](std::size_t row, double share) {
      for (std::size_t column = 0; column < kThumbnail; ++column) sums[row * kThumbnail + column] += share * of_row[column];
    });
  }
  Thumbnail out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(std::clamp(std::lround(sums[i]), 0L, 255L));
  return out;
}

std::vector<NearDuplicate> near_duplicates(std::span<const Thumbnail> thumbnails) {
  struct Photo {
    std::size_t number;
    Normal as_is, in_mirror;
  };
  std::vector<Photo> photos;
  for (std::size_t i = 0; i < thumbnails.size(); ++i) {
    Photo photo{.number = i, .as_is = {}, .in_mirror = {}};
    if (normalise(thumbnails[i], photo.as_is) && normalise(mirrored(thumbnails[i]), photo.in_mirror)) photos.push_back(photo);
  }
  std::vector<NearDuplicate> found;
  std::array<std::unordered_map<uint64_t, std::vector<std::size_t>>, kBands> known;  // indices of `photos`, by one band of their hashes
  std::vector<std::size_t> compared_with(photos.size(), SIZE_MAX);
  for (std::size_t b = 0; b < photos.size(); ++b) {
    const std::size_t before = found.size();
    bool is_another_one = false;
    for (const bool mirror : {false, true}) {
      const Normal& own = mirror ? photos[b].in_mirror : photos[b].as_is;
      std::vector<std::size_t> candidates;
      for (int number = 0; number < kBands; ++number)
        if (const auto same = known[static_cast<std::size_t>(number)].find(band(own.hash, number));
            same != known[static_cast<std::size_t>(number)].end())
          for (const std::size_t a : same->second)
            if (std::popcount(photos[a].as_is.hash ^ own.hash) <= kMostBits) candidates.push_back(a);
      std::sort(candidates.begin(), candidates.end());
      candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
      for (const std::size_t a : candidates) {
        if (compared_with[a] == b || found.size() - before == kMostOfAPhoto) continue;  // the pair is known already, or b has enough pairs
        const double how_near = correlation(photos[a].as_is, own);
        if (how_near < kNear) continue;
        compared_with[a] = b;
        found.push_back({photos[a].number, photos[b].number, mirror, how_near});
        is_another_one |= !mirror && how_near >= kAllButTheSame;
      }
    }
    for (int number = 0; number < kBands && !is_another_one; ++number)
      known[static_cast<std::size_t>(number)][band(photos[b].as_is.hash, number)].push_back(b);
  }
  std::sort(found.begin(), found.end(),
            [](const NearDuplicate& x, const NearDuplicate& y) { return std::pair(x.a, x.b) < std::pair(y.a, y.b); });
  return found;
}

}  // namespace mcnn
