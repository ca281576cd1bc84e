// How the rows of a feature map's matrix (N*pixels, C) are cut into tiles and parts: by shape alone, so that results do
// not depend on the number of threads. A tile is what a thread holds in its cache; a part is a run of tiles that one
// thread walks in order, keeping the part's own partial sums. A part holds whole samples or lies within one, so that
// sums over one sample's pixels come out of it too.
#pragma once
#include <algorithm>
#include <cstdint>

namespace mcnn::cpu {

struct RowCut {
  int64_t samples = 0, pixels = 0;
  int64_t tile_rows = 0;         ///< largest
  int64_t tiles_per_sample = 1;  ///< above 1: a tile lies within one sample
  int64_t samples_per_tile = 1;  ///< above 1: a tile holds whole samples
  int64_t tiles = 0, parts = 0;
  int64_t tiles_per_part = 1;
  int64_t parts_per_sample = 1;  ///< above 1: a part lies within one sample

  int64_t tile_begin(int64_t tile) const {
    if (tiles_per_sample == 1) return std::min(samples, tile * samples_per_tile) * pixels;
    return tile / tiles_per_sample * pixels + tile % tiles_per_sample * tile_rows;
  }
  int64_t tile_end(int64_t tile) const { return tile_begin(tile + 1); }
  int64_t first_tile(int64_t part) const {
    if (parts_per_sample == 1) return std::min(tiles, part * tiles_per_part);
    return part / parts_per_sample * tiles_per_sample + part % parts_per_sample * tiles_per_part;
  }
  int64_t last_tile(int64_t part) const { return first_tile(part + 1); }
  /// Partial sums per (sample, channel) stand in `slots()` rows, parts_per_sample to a sample.
  int64_t slots() const { return samples * parts_per_sample; }
  int64_t slot(int64_t part, int64_t sample) const { return parts_per_sample == 1 ? sample : part; }
};

/// Tiles of at most about `rows` rows, a multiple of 8; at least `parts` parts where there is so much work, at most twice that.
inline RowCut cut_rows(int64_t samples, int64_t pixels, int64_t rows, int64_t parts) {
  RowCut cut;
  cut.samples = samples;
  cut.pixels = pixels;
  if (pixels <= rows) {
    cut.samples_per_tile = rows / pixels;
    cut.tile_rows = std::min(samples, cut.samples_per_tile) * pixels;
    cut.tiles = (samples + cut.samples_per_tile - 1) / cut.samples_per_tile;
    cut.tiles_per_part = std::max<int64_t>(1, cut.tiles / parts);
    cut.parts = (cut.tiles + cut.tiles_per_part - 1) / cut.tiles_per_part;
    return cut;
  }
  const int64_t tiles_needed = (pixels + rows - 1) / rows;
  cut.tile_rows = ((pixels + tiles_needed - 1) / tiles_needed + 7) / 8 * 8;
  cut.tiles_per_sample = (pixels + cut.tile_rows - 1) / cut.tile_rows;
  cut.tiles = samples * cut.tiles_per_sample;
  if (samples >= parts) {
    const int64_t samples_per_part = samples / parts;
    cut.tiles_per_part = samples_per_part * cut.tiles_per_sample;
    cut.parts = (samples + samples_per_part - 1) / samples_per_part;
  } else {
    const int64_t split = std::min(cut.tiles_per_sample, (parts + samples - 1) / samples);
    cut.tiles_per_part = (cut.tiles_per_sample + split - 1) / split;
    cut.parts_per_sample = (cut.tiles_per_sample + cut.tiles_per_part - 1) / cut.tiles_per_part;
    cut.parts = samples * cut.parts_per_sample;
  }
  return cut;
}

}  // namespace mcnn::cpu
