// Photos as PIL, timm and torchvision prepare them: decoding, resizing and cropping at once.
#include "data/preprocess.h"

#include <algorithm>
#include <cstdlib>

#include "tests/golden/golden_folder.h"
#include "weights/tensor_file.h"

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
  EXPECT_GE(compared, 3);
}

}  // namespace
}  // namespace mcnn
