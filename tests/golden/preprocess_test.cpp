// Photos as PIL, timm and torchvision prepare them: decoding, resizing and cropping at once.
#include "data/preprocess.h"

#include <algorithm>
#include <cstdlib>

#include "formats/tensor_file.h"
#include "tests/data/pil.h"
#include "tests/golden/golden_folder.h"

namespace mcnn {
namespace {

TEST(Preprocess, PhotosAsPillowPreparesThem) {
  const auto golden = real_folder();
  SKIP_IF_ABSENT(golden, "MCNN_GOLDEN");
  const auto photos = data_folder("MCNN_DATA", "data");
  SKIP_IF_ABSENT(photos, "MCNN_DATA");

  const TensorFile expected = open_tensor_file((golden / "expected.safetensors").string());
  const std::string prefix = "preprocess224.";
  int compared = 0;
  for (const StoredTensor& tensor : expected.tensors()) {
    if (!tensor.name.starts_with(prefix)) continue;
    ASSERT_EQ(tensor.shape_str(), "(224,224,3)");
    const std::string photo = tensor.name.substr(prefix.size());
    const Image image = preprocess(decode_image((photos / "imagenet100" / "images" / photo).string()), {.resize = 256, .crop = 224});
    ASSERT_EQ(image.rgb.size(), tensor.bytes.size());
    int64_t differing = 0, worst = 0;
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      const int64_t difference = std::abs(image.rgb[i] - static_cast<int>(tensor.bytes[i]));
      differing += difference != 0;
      worst = std::max(worst, difference);
    }
    EXPECT_EQ(differing, 0) << photo << ": worst difference " << worst << " grey levels";
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

/// Every photo there is, prepared by the PIL at hand: an older one than 13 differs in some upright photos (data/resize.h).
TEST(Preprocess, AllPhotosAsThePillowAtHandPreparesThem) {
  const auto python = python_with_pil();
  SKIP_WITHOUT_PIL(python);
  const auto photos = data_folder("MCNN_DATA", "data");
  SKIP_IF_ABSENT(photos, "MCNN_DATA");
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(photos / "imagenet100" / "images")) paths.push_back(entry.path().string());
  const std::vector<Image> expected = pil_images(*python, "256:224", paths);
  int64_t values = 0, off = 0;
  int worst = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Image image = preprocess(decode_image(paths[i]), {.resize = 256, .crop = 224});
    worst = std::max(worst, worst_difference(image, expected[i]));
    ASSERT_EQ(image.rgb.size(), expected[i].rgb.size());
    values += static_cast<int64_t>(image.rgb.size());
    for (std::size_t k = 0; k < image.rgb.size(); ++k) off += std::abs(image.rgb[k] - expected[i].rgb[k]) > 1;
  }
  EXPECT_GE(paths.size(), 100u);
  EXPECT_LE(static_cast<double>(off), 0.001 * static_cast<double>(values));
  RecordProperty("photos", static_cast<int>(paths.size()));
  RecordProperty("worst_grey_levels", worst);
  RecordProperty("values_more_than_one_off", static_cast<int>(off));
}

}  // namespace
}  // namespace mcnn
