// The C API as programs use it: the engine's answers, a status code and message for every mistake, many threads on one model.
// Next: capi/mcnn.h; weights_file.h makes the model.
#include "capi/mcnn.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "tests/capi/weights_file.h"
#include "tests/data/pictures.h"

namespace mcnn {
namespace {

struct Closer {
  void operator()(mcnn_model* model) const { mcnn_close(model); }
};
using Model = std::unique_ptr<mcnn_model, Closer>;

Model open(const std::string& path, int threads = 1) {
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.threads = threads;
  mcnn_model* model = nullptr;
  EXPECT_EQ(mcnn_open(path.c_str(), &options, &model), MCNN_OK) << mcnn_last_error();
  return Model(model);
}

class CApi : public testing::Test {
 protected:
  const TemporaryFolder folder;
  const std::string weights = write_tiny_weights(folder);
  const Image photo = smooth_picture(70, 61);
};

TEST_F(CApi, SaysWhatTheFileSays) {
  EXPECT_EQ(mcnn_abi_version(), MCNN_ABI_VERSION);
  EXPECT_EQ(std::string(mcnn_version()).find_first_not_of("0123456789."), std::string::npos) << mcnn_version();
  for (const std::string& path : {weights, folder / "run"}) {
    const Model model = open(path);
    ASSERT_TRUE(model);
    ASSERT_EQ(mcnn_class_count(model.get()), tiny_classes().size());
    for (std::size_t i = 0; i < tiny_classes().size(); ++i) EXPECT_EQ(mcnn_class_name(model.get(), i), tiny_classes()[i]);
    EXPECT_EQ(mcnn_class_name(model.get(), 5), nullptr);
    EXPECT_EQ(mcnn_input_side(model.get()), 48);
    EXPECT_STREQ(mcnn_notes(model.get()), "");
    EXPECT_NE(std::strstr(mcnn_backend(model.get()), "cpu"), nullptr) << mcnn_backend(model.get());
  }
}

TEST_F(CApi, GivesTheEnginesAnswersHoweverThePhotoComes) {
  const Model model = open(weights);
  const std::vector<float> expected = engine_answer(weights, photo);
  std::vector<float> p(5);
  ASSERT_EQ(mcnn_classify_rgb(model.get(), photo.rgb.data(), photo.width, photo.height, 210, p.data(), 5), MCNN_OK);
  EXPECT_EQ(p, expected);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-6);
  EXPECT_GT(*std::max_element(p.begin(), p.end()), 0.25f) << "an answer that tells nothing apart would be blind to mistakes";

  constexpr std::size_t kStride = 3 * 70 + 7;  // rows that lie apart
  std::vector<uint8_t> apart(kStride * 61, 255);
  for (std::size_t y = 0; y < 61; ++y)
    std::copy_n(photo.rgb.begin() + static_cast<std::ptrdiff_t>(210 * y), 210, apart.begin() + static_cast<std::ptrdiff_t>(kStride * y));
  apart.resize(kStride * 60 + 210);  // the last row's padding need not be there
  std::fill(p.begin(), p.end(), 0.f);
  ASSERT_EQ(mcnn_classify_rgb(model.get(), apart.data(), photo.width, photo.height, kStride, p.data(), 5), MCNN_OK);
  EXPECT_EQ(p, expected);

  const std::string png = png_file(photo);
  std::vector<float> longer(7, -1.f);
  ASSERT_EQ(mcnn_classify_bytes(model.get(), png.data(), png.size(), longer.data(), 7), MCNN_OK);
  EXPECT_EQ(std::vector<float>(longer.begin(), longer.begin() + 5), expected);
  EXPECT_EQ(longer[5], -1.f);
  ASSERT_EQ(mcnn_classify_file(model.get(), folder.write("photo", png).c_str(), p.data(), 5), MCNN_OK);
  EXPECT_EQ(p, expected);

  const std::string turned = with_orientation(jpeg_file(photo), 6, true);
  ASSERT_EQ(mcnn_classify_bytes(model.get(), turned.data(), turned.size(), p.data(), 5), MCNN_OK);
  EXPECT_EQ(p, engine_answer(weights, decode_image(std::as_bytes(std::span(turned)), "turned")));
  EXPECT_NE(p, expected);
}

TEST_F(CApi, TheLikeliestComeFirst) {
  const float p[] = {0.1f, 0.4f, 0.1f, 0.3f, 0.1f};
  std::vector<std::size_t> classes(7, 99);
  EXPECT_EQ(mcnn_top_k(p, 5, classes.data(), 3), 3u);
  EXPECT_EQ(classes, (std::vector<std::size_t>{1, 3, 0, 99, 99, 99, 99}));
  EXPECT_EQ(mcnn_top_k(p, 5, classes.data(), 7), 5u);
  EXPECT_EQ(classes, (std::vector<std::size_t>{1, 3, 0, 2, 4, 99, 99}));
  EXPECT_EQ(mcnn_top_k(p, 5, classes.data(), 0), 0u);
  EXPECT_EQ(mcnn_top_k(p, 0, classes.data(), 3), 0u);
  EXPECT_EQ(mcnn_top_k(nullptr, 5, classes.data(), 3), 0u);
  EXPECT_EQ(mcnn_top_k(p, 5, nullptr, 3), 0u);
}

/// Checks the status, and that the message contains `word`.
testing::AssertionResult fails(mcnn_status found, mcnn_status expected, const std::string& word) {
  if (found != expected) return testing::AssertionFailure() << "status " << found << ": " << mcnn_last_error();
  const std::string message = mcnn_last_error();
  if (message.find(word) == std::string::npos || message.find('\n') != std::string::npos)
    return testing::AssertionFailure() << "'" << message << "' is not one line that says '" << word << "'";
  return testing::AssertionSuccess();
}

TEST_F(CApi, MistakesInOpeningAreCodesAndLines) {
  mcnn_model* model = reinterpret_cast<mcnn_model*>(1);
  EXPECT_TRUE(fails(mcnn_open("absent.safetensors", nullptr, &model), MCNN_BAD_WEIGHTS, "absent.safetensors"));
  EXPECT_EQ(model, nullptr);
  EXPECT_TRUE(fails(mcnn_open(nullptr, nullptr, &model), MCNN_INVALID_ARGUMENT, "path is null"));
  EXPECT_TRUE(fails(mcnn_open(weights.c_str(), nullptr, nullptr), MCNN_INVALID_ARGUMENT, "model is null"));
  EXPECT_TRUE(fails(mcnn_open(folder.path().c_str(), nullptr, &model), MCNN_BAD_WEIGHTS, "best.safetensors"));
  EXPECT_TRUE(fails(mcnn_open(folder.write("text", "no weights").c_str(), nullptr, &model), MCNN_BAD_WEIGHTS, "text"));

  const auto with = [&](const auto& change) {
    mcnn_options options = MCNN_OPTIONS_INIT;
    change(options);
    return mcnn_open(weights.c_str(), &options, &model);
  };
  using O = mcnn_options;
  EXPECT_TRUE(fails(with([](O& o) { o.device = "gpu"; }), MCNN_INVALID_ARGUMENT, "'gpu'"));
  EXPECT_TRUE(fails(with([](O& o) { o.products = "vender"; }), MCNN_INVALID_ARGUMENT, "did you mean 'vendor'"));
  EXPECT_TRUE(fails(with([](O& o) { o.allow_tf32 = 2; }), MCNN_INVALID_ARGUMENT, "options.allow_tf32 is 2"));
  EXPECT_TRUE(fails(with([](O& o) { o.reserved = 1; }), MCNN_INVALID_ARGUMENT, "options.reserved is 1"));
  EXPECT_TRUE(fails(with([](O& o) { o.network = "b9"; }), MCNN_INVALID_ARGUMENT, "b9"));
  EXPECT_TRUE(fails(with([](O& o) { o.padding = "sane"; }), MCNN_INVALID_ARGUMENT, "sane"));
  EXPECT_TRUE(fails(with([](O& o) { o.crop_rule = "tim"; }), MCNN_INVALID_ARGUMENT, "did you mean 'timm'"));
  EXPECT_TRUE(fails(with([](O& o) { o.threads = -1; }), MCNN_INVALID_ARGUMENT, "threads"));
  EXPECT_TRUE(fails(with([](O& o) { o.bn_eps = -1; }), MCNN_INVALID_ARGUMENT, "bn_eps"));
  EXPECT_TRUE(fails(with([](O& o) { o.most_pixels = -1; }), MCNN_INVALID_ARGUMENT, "most_pixels"));
  EXPECT_TRUE(fails(with([](O& o) { o.allow_missing_count = 1; }), MCNN_INVALID_ARGUMENT, "allow_missing"));
  EXPECT_TRUE(fails(with([](O& o) { o.size = 8; }), MCNN_INVALID_ARGUMENT, "options.size is 8"));
  EXPECT_TRUE(fails(with([](O& o) { o.network = "lite0"; }), MCNN_BAD_WEIGHTS, "best.safetensors"));
  EXPECT_EQ(model, nullptr);
}

TEST_F(CApi, OptionsMayGrow) {
  struct Later {
    mcnn_options now = MCNN_OPTIONS_INIT;
    void* later = nullptr;
  } options;
  options.now.size = sizeof options;
  mcnn_model* model = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options.now, &model), MCNN_OK) << mcnn_last_error();
  mcnn_close(model);
  options.later = &options;
  EXPECT_TRUE(fails(mcnn_open(weights.c_str(), &options.now, &model), MCNN_INVALID_ARGUMENT, "does not have"));
}

TEST_F(CApi, OptionsOfAnOlderProgramAreShorter) {
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.size = offsetof(mcnn_options, products);  // later fields are not read
  options.products = "no such thing";
  options.allow_tf32 = 7;
  mcnn_model* model = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options, &model), MCNN_OK) << mcnn_last_error();
  mcnn_close(model);
}

TEST_F(CApi, ProductsAreCarriedOutAsAskedFor) {
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.device = "sim";
  options.products = "vendor";
  options.allow_tf32 = 1;
  mcnn_model* opened = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options, &opened), MCNN_OK) << mcnn_last_error();
  const Model model(opened);
  EXPECT_NE(std::strstr(mcnn_backend(opened), "; products: reference loops; fp32 products as tf32)"), nullptr) << mcnn_backend(opened);
  const std::vector<float> expected = engine_answer(weights, photo);
  std::vector<float> p(5);
  ASSERT_EQ(mcnn_classify_rgb(opened, photo.rgb.data(), photo.width, photo.height, 210, p.data(), 5), MCNN_OK) << mcnn_last_error();
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i], expected[i], 0.01);
  EXPECT_NE(p, expected) << "fp32";
}

TEST_F(CApi, MistakesInClassifyingAreCodesAndLinesAndLeaveTheAnswerAlone) {
  const Model owner = open(weights);
  mcnn_model* const model = owner.get();
  std::vector<float> p(5, -1.f);
  const std::string jpeg = jpeg_file(photo), cut = jpeg.substr(0, jpeg.size() / 2);
  const auto rgb = [&](int width, int height, std::size_t stride, std::size_t count = 5) {
    return mcnn_classify_rgb(model, photo.rgb.data(), width, height, stride, p.data(), count);
  };
  EXPECT_TRUE(fails(rgb(70, 61, 209), MCNN_INVALID_ARGUMENT, "row_stride is 209"));
  EXPECT_TRUE(fails(rgb(0, 61, 210), MCNN_INVALID_ARGUMENT, "0x61"));
  EXPECT_TRUE(fails(rgb(70, -1, 210), MCNN_INVALID_ARGUMENT, "70x-1"));
  EXPECT_TRUE(fails(rgb(70, 61, 210, 4), MCNN_INVALID_ARGUMENT, "room for 4"));
  EXPECT_TRUE(fails(rgb(100'000, 100'000, 300'000), MCNN_BAD_PHOTO, "100 million"));
  EXPECT_TRUE(fails(mcnn_classify_rgb(model, nullptr, 70, 61, 210, p.data(), 5), MCNN_INVALID_ARGUMENT, "rgb is null"));
  EXPECT_TRUE(fails(mcnn_classify_rgb(nullptr, photo.rgb.data(), 70, 61, 210, p.data(), 5), MCNN_INVALID_ARGUMENT, "model is null"));
  EXPECT_TRUE(fails(mcnn_classify_rgb(model, photo.rgb.data(), 70, 61, 210, nullptr, 5), MCNN_INVALID_ARGUMENT, "probabilities is null"));
  EXPECT_TRUE(fails(mcnn_classify_bytes(model, cut.data(), cut.size(), p.data(), 5), MCNN_BAD_PHOTO, "not a whole JPEG"));
  EXPECT_TRUE(fails(mcnn_classify_bytes(model, "text", 4, p.data(), 5), MCNN_BAD_PHOTO, "is not a JPEG"));
  EXPECT_TRUE(fails(mcnn_classify_bytes(model, "", 0, p.data(), 5), MCNN_BAD_PHOTO, "is empty"));
  EXPECT_TRUE(fails(mcnn_classify_bytes(model, nullptr, 4, p.data(), 5), MCNN_INVALID_ARGUMENT, "bytes is null"));
  EXPECT_TRUE(fails(mcnn_classify_file(model, "absent.jpg", p.data(), 5), MCNN_BAD_PHOTO, "absent.jpg"));
  EXPECT_TRUE(fails(mcnn_classify_file(model, nullptr, p.data(), 5), MCNN_INVALID_ARGUMENT, "path is null"));
  EXPECT_EQ(p, std::vector<float>(5, -1.f));

  EXPECT_EQ(mcnn_class_count(nullptr), 0u);
  EXPECT_EQ(mcnn_class_name(nullptr, 0), nullptr);
  EXPECT_EQ(mcnn_input_side(nullptr), 0);
  EXPECT_EQ(mcnn_notes(nullptr), nullptr);
  EXPECT_EQ(mcnn_backend(nullptr), nullptr);
  mcnn_close(nullptr);
}

TEST_F(CApi, PhotosAboveTheLimitAreRefused) {
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.most_pixels = 70 * 61 - 1;
  mcnn_model* model = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options, &model), MCNN_OK) << mcnn_last_error();
  const Model owner(model);
  std::vector<float> p(5);
  for (const std::string& file : {jpeg_file(photo), png_file(photo)})
    EXPECT_TRUE(
        fails(mcnn_classify_bytes(model, file.data(), file.size(), p.data(), 5), MCNN_BAD_PHOTO, "70x61 is more than 0.004269 million"));
}

TEST_F(CApi, WeightsThatAnswerNoNumbersAreToldApart) {
  const TemporaryFolder other;
  const Model model = open(write_tiny_weights(other, true));
  std::vector<float> p(5);
  EXPECT_TRUE(fails(mcnn_classify_rgb(model.get(), photo.rgb.data(), 70, 61, 210, p.data(), 5), MCNN_BAD_WEIGHTS, "not finite"));
}

TEST_F(CApi, ThreadsShareOneModel) {
  constexpr std::size_t kThreads = 4, kCalls = 6;
  std::vector<Image> photos;
  std::vector<std::vector<float>> expected;
  for (std::size_t i = 0; i < kThreads; ++i) {
    photos.push_back(smooth_picture(60 + static_cast<int>(i), 70, static_cast<int>(i)));
    expected.push_back(engine_answer(weights, photos.back()));
    for (std::size_t j = 0; j < i; ++j) ASSERT_NE(expected[i], expected[j]);
  }
  for (const int threads : {1, 2}) {
    const Model model = open(weights, threads);
    std::vector<std::vector<float>> answers(kThreads * kCalls, std::vector<float>(5));
    std::vector<std::string> complaints(kThreads);
    std::vector<std::thread> workers;
    for (std::size_t t = 0; t < kThreads; ++t)
      workers.emplace_back([&, t] {
        const Image& mine = photos[t];
        for (std::size_t call = 0; call < kCalls; ++call)
          mcnn_classify_rgb(model.get(), mine.rgb.data(), mine.width, mine.height, 3 * static_cast<std::size_t>(mine.width),
                            answers[t * kCalls + call].data(), 5);
        mcnn_classify_file(model.get(), ("absent" + std::to_string(t)).c_str(), answers[0].data(), 5);
        complaints[t] = mcnn_last_error();
      });
    for (std::thread& worker : workers) worker.join();
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], expected[i / kCalls]) << i;
    for (std::size_t t = 0; t < kThreads; ++t) EXPECT_TRUE(complaints[t].starts_with("absent" + std::to_string(t) + ":")) << complaints[t];
  }
}

}  // namespace
}  // namespace mcnn
