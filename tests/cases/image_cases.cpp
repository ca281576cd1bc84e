// Photos on their way into the network.
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

Case normalize_images(const char* name, int64_t n, int64_t h, int64_t w, bool flip = true) {
  return {"normalize_images", name, [=](Workspace& s) -> AnyOperation {
            const Tensor pixels = s.bytes({n, h, w, 3}, integers(0, 255));
            const Tensor flips = flip ? s.bytes({n}, cycle({1, 0, 255})) : Tensor();
            Tensor y = s.feature_output("y", {n, h, w, 3});
            return NormalizeImages{pixels, flips, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, y};  // ImageNet's statistics
          }};
}

}  // namespace

std::vector<Case> image_cases() {
  return {
      normalize_images("some samples mirrored", 3, 8, 16),
      normalize_images("no flips", 2, 8, 16, false),
      normalize_images("odd width: the middle column stays", 3, 13, 9),
      normalize_images("one pixel", 2, 1, 1),
      normalize_images("wide and low", 1, 5, 75),
  };
}

}  // namespace mcnn::cases
