// A real checkpoint over real photos: EfficientNet-Lite0 as its authors published it, with what the file's tensors and names
// say about network, padding, normalisation and preprocessing; then the same by the program.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "data/csv.h"
#include "data/loader.h"
#include "inference/description.h"
#include "inference/evaluate.h"
#include "tests/apps/program.h"
#include "tests/cases/compare.h"
#include "tests/golden/golden_folder.h"
#include "weights/load.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

class Lite0Golden : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_IF_ABSENT(data, "MCNN_DATA");
    SKIP_IF_ABSENT(weights, "MCNN_WEIGHTS");
    const Csv csv = read_csv_table((data / "imagenet100" / "labels.csv").string());
    for (const CsvRow& row : csv.rows) {
      const std::string& name = row.fields[csv.column("file")];
      photos.photos.push_back({(images / name).string(), static_cast<int>(csv_number(csv, row, "class", name)), name});
    }
    ASSERT_EQ(photos.photos.size(), 100u);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path data = data_folder("MCNN_DATA", "data"), weights = data_folder("MCNN_WEIGHTS", "weights");
  fs::path images = data / "imagenet100" / "images", checkpoint = weights / "efficientnet-lite0-57934424.pth";
  fs::path folder = fs::temp_directory_path() / ("mcnn_lite0_" + std::to_string(::getpid()));
  Dataset photos;
};

TEST_F(Lite0Golden, ItsConventionIsFound) {
  const Convention c = resolve_convention({}, open_tensor_file(checkpoint.string()));
  ASSERT_TRUE(c.model && c.padding && c.bn_eps && c.mean && c.std && c.resolution && c.crop_pct && c.interpolation);
  EXPECT_EQ(c.model->value, "lite0");
  EXPECT_EQ(c.padding->value.str(), "same");
  EXPECT_EQ(c.bn_eps->value, 1e-3f);
  EXPECT_EQ(c.mean->value[1], 127 / 255.f);
  EXPECT_EQ(c.std->value[1], 128 / 255.f);
  EXPECT_EQ(c.resolution->value, 224);
  EXPECT_EQ(c.crop_pct->value, .875);
  EXPECT_EQ(c.interpolation->value, "bicubic");
}

TEST_F(Lite0Golden, LogitsOfAHundredPhotos) {
  const fs::path real = real_folder();
  SKIP_IF_ABSENT(real, "MCNN_GOLDEN");
  const auto names = read_json(real / "index.json").at("photos").get<std::vector<std::string>>();
  ASSERT_EQ(names.size(), photos.photos.size());
  for (std::size_t i = 0; i < names.size(); ++i) ASSERT_EQ(names[i], photos.photos[i].person);

  const TensorFile file = open_tensor_file(checkpoint.string());
  std::vector<std::string> notes;
  const ModelDescription d = describe_file(file, {}, notes);
  ASSERT_EQ(d.spec.classes, 1000);
  const auto ops = make_cpu_ops();
  Engine engine(*ops, d.spec, d.normalisation, false);
  EXPECT_TRUE(load_weights(file, engine.model().network(), engine.parameters()).lines().empty());

  Loader loader(photos, {.batch = 20, .preprocess = d.preprocess, .classes = 1000});
  std::vector<double> logits;
  int first = 0, among_five = 0;
  for_each_prediction(engine, loader, "lite0", [&](const Batch& batch, const std::vector<float>& rows) {
    logits.insert(logits.end(), rows.begin(), rows.end());
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      const auto row = rows.begin() + static_cast<std::ptrdiff_t>(i) * 1000;
      const float own = row[batch.labels[i]];
      const auto larger = std::count_if(row, row + 1000, [&](float v) { return v > own; });
      first += larger < 1;
      among_five += larger < 5;
    }
  });
  const TensorFile expected = open_tensor_file((real / "expected.safetensors").string());
  const StoredTensor* reference = expected.find("lite0.logits");
  ASSERT_NE(reference, nullptr);
  EXPECT_EQ(cases::disagreement({"lite0.logits", logits, 1e-3}, {"lite0.logits", as_doubles(*reference), 1e-3}), "");
  std::printf("lite0: top-1 %d, top-5 %d of 100\n", first, among_five);
  EXPECT_GE(first, 89);
  EXPECT_GE(among_five, 95);
}

TEST_F(Lite0Golden, TheProgramAnswersAsMany) {
  std::string info = "ImageID,ans\n", truth = info;
  for (const Photo& photo : photos.photos) {
    info += csv_field(photo.person) + ",0\n";
    truth += csv_field(photo.person) + "," + std::to_string(photo.label) + "\n";
  }
  std::ofstream(folder / "info.csv") << info;
  std::ofstream(folder / "gt.csv") << truth;
  const Outcome outcome =
      run_program("mcnn-infer", {"--checkpoint", checkpoint.string(), "--images", images.string(), "--info", (folder / "info.csv").string(),
                                 "--gt", (folder / "gt.csv").string(), "--out", (folder / "out.csv").string()});
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome.err.find("guessed from"), std::string::npos) << outcome.err;
  const Csv answers = read_csv_table((folder / "out.csv").string());
  ASSERT_EQ(answers.rows.size(), photos.photos.size());
  int right = 0;
  for (std::size_t i = 0; i < answers.rows.size(); ++i) {
    EXPECT_EQ(answers.rows[i].fields[0], photos.photos[i].person);
    right += csv_number(answers, answers.rows[i], "ans", photos.photos[i].person) == photos.photos[i].label;
  }
  EXPECT_GE(right, 89);
  EXPECT_NE(outcome.out.find(fmt::format("accuracy {:.4f}", right / 100.)), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace mcnn
