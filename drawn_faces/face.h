// Draws a face of given gender and age, wearing a mask, wearing it wrongly, or without one. Everything is drawn by code, so that examples
// and tests need no photos of real people.
// Next: traits.h defines the cues, face.cpp draws them, dataset.h writes whole data sets.
#pragma once
#include <cstdint>
#include <vector>

namespace mcnn::synthetic {

enum class MaskState { worn, incorrect, none };

struct Person {
  uint64_t seed = 0;   ///< of the whole data set
  uint32_t index = 0;  ///< of the person in it, 24 bits
  bool female = false;
  int age = 0;  ///< 18..70
};

inline constexpr int kPhotoWidth = 192, kPhotoHeight = 256;

/// Returns (kPhotoHeight, kPhotoWidth, 3) RGB. Depends only on its arguments; `photo` varies pose, light, clothes and background.
std::vector<uint8_t> draw_face(const Person& person, MaskState mask, uint32_t photo);

}  // namespace mcnn::synthetic
